//! By what the partitions of the topic are read.

/// By what the partitions of the topic are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReaderUse {
    /// How many the direct reader reads.
    pub direct: usize,
    /// How many librdkafka reads.
    pub librdkafka: usize,
    /// Why librdkafka reads some, if it does.
    pub reason: Option<String>,
}
