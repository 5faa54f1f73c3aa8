//! Blocks of an index: what may not be done with it.

use super::failure::Failure;

/// A block that an operator, or the server itself, has set on an index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Block {
    /// The disk is full: no documents are taken.
    ReadOnlyAllowDelete,
    /// No documents are taken.
    Write,
    /// Neither documents nor changes of the index are taken.
    ReadOnly,
    /// The index is neither described nor changed.
    Metadata,
    /// No documents are given.
    Read,
}

/// Each block.
pub const ALL: [Block; 5] = [
    Block::ReadOnlyAllowDelete,
    Block::Write,
    Block::ReadOnly,
    Block::Metadata,
    Block::Read,
];
/// Those that keep documents out.
pub const OF_WRITES: [Block; 3] = [Block::ReadOnlyAllowDelete, Block::Write, Block::ReadOnly];
/// Those that keep the index from being changed.
pub const OF_CHANGES: [Block; 2] = [Block::ReadOnly, Block::Metadata];
/// Those that keep it from being described.
pub const OF_DESCRIPTIONS: [Block; 1] = [Block::Metadata];
/// Those that keep documents in.
pub const OF_READS: [Block; 1] = [Block::Read];

impl Block {
    /// The setting that sets it.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::ReadOnlyAllowDelete => "index.blocks.read_only_allow_delete",
            Self::Write => "index.blocks.write",
            Self::ReadOnly => "index.blocks.read_only",
            Self::Metadata => "index.blocks.metadata",
            Self::Read => "index.blocks.read",
        }
    }

    /// What is answered to whom the index called `name` is blocked for.
    pub fn failure(self, name: &str) -> Failure {
        let (status, why) = match self {
            Self::ReadOnlyAllowDelete => (
                429,
                "TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has \
                 read-only-allow-delete block; for more information, see \
                 https://www.elastic.co/docs/troubleshoot/elasticsearch/fix-watermark-errors?version=9.5",
            ),
            Self::Write => (403, "FORBIDDEN/8/index write (api)"),
            Self::ReadOnly => (403, "FORBIDDEN/5/index read-only (api)"),
            Self::Metadata => (403, "FORBIDDEN/9/index metadata (api)"),
            Self::Read => (403, "FORBIDDEN/7/index read (api)"),
        };
        let reason = format!("index [{name}] blocked by: [{why}];");
        Failure::new(status, "cluster_block_exception", reason)
    }
}
