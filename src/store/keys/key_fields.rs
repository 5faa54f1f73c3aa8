//! The fields of a key, read one after the other.

use tidegauge_windows::EventTime;

use crate::domain::document_key::Origin;
use crate::domain::payment::BranchId;

/// Reads the fields of a key.
pub(super) struct KeyFields<'a>(&'a [u8]);

impl<'a> KeyFields<'a> {
    pub(super) fn after(key: &'a [u8], prefix: u8) -> Option<Self> {
        Some(Self(key.strip_prefix(&[prefix])?))
    }

    pub(super) fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.bytes().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.bytes().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        self.u32().map(|field| (field ^ (1 << 31)).cast_signed())
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.u64().map(|field| (field ^ (1 << 63)).cast_signed())
    }

    pub(super) fn time(&mut self) -> Option<EventTime> {
        self.i64().map(EventTime::from_millis)
    }

    pub(super) fn branch(&mut self) -> Option<BranchId> {
        self.u32().map(BranchId::from_bits)
    }

    pub(super) fn origin(&mut self) -> Option<Origin> {
        Some(Origin {
            partition: self.i32()?,
            offset: self.i64()?,
        })
    }
}
