//! How the records of a batch are compressed.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder;

/// The compression of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Codec {
    /// None.
    None,
    /// gzip.
    Gzip,
    /// Snappy: one block, or several with a frame that Java clients put around them.
    Snappy,
    /// LZ4, with its frame.
    Lz4,
    /// Zstandard.
    Zstd,
}

/// The records of a batch take no more than this. A batch that holds more is not decompressed.
const BATCH_SIZE_MAX: usize = 128 << 20;

/// What Java clients begin Snappy with, before two version numbers of four bytes each.
const SNAPPY_FRAME: [u8; 8] = *b"\x82SNAPPY\0";
const SNAPPY_VERSIONS: usize = 8;

impl Codec {
    /// The compression with this number in the format.
    pub(super) const fn of(number: i16) -> Option<Self> {
        match number {
            0 => Some(Self::None),
            1 => Some(Self::Gzip),
            2 => Some(Self::Snappy),
            3 => Some(Self::Lz4),
            4 => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Decompresses batches, with memory that it keeps.
#[derive(Default)]
pub(super) struct Decompressor {
    zstd: Option<zstd::zstd_safe::DCtx<'static>>,
}

impl Decompressor {
    /// Adds what `compressed` holds to `to`.
    ///
    /// # Errors
    /// When it is damaged, or too large. What was added is of no use then.
    pub(super) fn decompress(
        &mut self,
        codec: Codec,
        compressed: &[u8],
        to: &mut Vec<u8>,
    ) -> io::Result<()> {
        match codec {
            Codec::None => {
                to.extend_from_slice(compressed);
                Ok(())
            }
            Codec::Gzip => read_all(MultiGzDecoder::new(compressed), to),
            Codec::Snappy => snappy(compressed, to),
            Codec::Lz4 => read_all(FrameDecoder::new(compressed), to),
            Codec::Zstd => {
                let context = self.zstd.get_or_insert_with(zstd::zstd_safe::DCtx::create);
                // What an earlier batch left half done.
                let reset = context.reset(zstd::zstd_safe::ResetDirective::SessionOnly);
                reset.map_err(|code| io::Error::other(zstd::zstd_safe::get_error_name(code)))?;
                let decoder = zstd::stream::read::Decoder::with_context(compressed, context);
                read_all(decoder, to)
            }
        }
    }
}

fn read_all(decoder: impl Read, to: &mut Vec<u8>) -> io::Result<()> {
    let most = BATCH_SIZE_MAX as u64;
    match decoder.take(most + 1).read_to_end(to)? > BATCH_SIZE_MAX {
        true => Err(too_large()),
        false => Ok(()),
    }
}

fn snappy(compressed: &[u8], to: &mut Vec<u8>) -> io::Result<()> {
    let Some(framed) = compressed.strip_prefix(&SNAPPY_FRAME) else {
        return snappy_block(compressed, to);
    };
    let mut rest = framed.get(SNAPPY_VERSIONS..).ok_or_else(cut_off)?;
    let before = to.len();
    while !rest.is_empty() {
        let (size, blocks) = rest.split_first_chunk().ok_or_else(cut_off)?;
        let size = u32::from_be_bytes(*size) as usize;
        let (block, others) = blocks.split_at_checked(size).ok_or_else(cut_off)?;
        snappy_block(block, to)?;
        if to.len() - before > BATCH_SIZE_MAX {
            return Err(too_large());
        }
        rest = others;
    }
    Ok(())
}

fn snappy_block(block: &[u8], to: &mut Vec<u8>) -> io::Result<()> {
    let size = snap::raw::decompress_len(block)?;
    // An element of a block stands for 64 bytes at most, so a block can't hold more than 64 times its size.
    if size > BATCH_SIZE_MAX || size / 64 > block.len() {
        return Err(too_large());
    }
    let before = to.len();
    to.resize(before + size, 0);
    snap::raw::Decoder::new().decompress(block, &mut to[before..])?;
    Ok(())
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it is cut off")
}

fn too_large() -> io::Error {
    io::Error::other("it holds more than 128 MiB, or says so")
}
