//! The queue in which the records of all partitions meet, the batches taken from it, and a topic's
//! identity.
//!
//! This is the one place with `unsafe`. The safe interface of the client library hands out one
//! record at a time, for half as much again of processor time as librdkafka's call for batches,
//! which only its C interface has; and it has no way to ask for a topic's identity. All of
//! librdkafka that is called here may be called from any thread.
#![allow(unsafe_code)]

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as rdsys;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::client_events::ClientEvents;
use super::log_client::{LogBatch, LogEntry};
use crate::domain::record::{Headers, ReadHeaders, Record};
use crate::domain::topic_id::TopicId;

/// At most so many records are taken at once: they are to stay in the processor's cache from the
/// taking to the applying.
const BATCH_MAX: usize = 4_096;

/// A queue of one's own into which partitions deliver.
///
/// It gets records and errors of partitions only; all other events go to the consumer's queue.
pub(super) struct Queue {
    queue: NonNull<rdsys::rd_kafka_queue_t>,
    consumer: Arc<BaseConsumer<ClientEvents>>,
}

// SAFETY: librdkafka guards its queues with locks of its own, so they may be used and released by
// any thread; the consumer is `Send` and `Sync` itself.
unsafe impl Send for Queue {}

impl Queue {
    /// A new queue of `consumer`; `None` if there is no memory for it.
    pub(super) fn new(consumer: &Arc<BaseConsumer<ClientEvents>>) -> Option<Self> {
        // SAFETY: the client is alive, as `consumer` owns it.
        let queue = unsafe { rdsys::rd_kafka_queue_new(consumer.client().native_ptr()) };
        Some(Self {
            queue: NonNull::new(queue)?,
            consumer: Arc::clone(consumer),
        })
    }

    /// From now on all of this partition comes here; also what an assignment starts later. `false`
    /// if the client can't have such a partition.
    pub(super) fn collect(&self, topic: &str, partition: i32) -> bool {
        let Ok(topic) = CString::new(topic) else {
            return false;
        };
        // SAFETY: the client is alive, as we own a share of it, and `topic` is a C string that
        // outlives the call, which copies it.
        let source = unsafe {
            rdsys::rd_kafka_queue_get_partition(
                self.consumer.client().native_ptr(),
                topic.as_ptr(),
                partition,
            )
        };
        let Some(source) = NonNull::new(source) else {
            return false;
        };
        // SAFETY: both queues are valid: we own ours, and `source` is a reference that was given
        // to us just now, which is given back once and not used afterwards. The forwarding holds
        // a reference to our queue of its own.
        unsafe {
            rdsys::rd_kafka_queue_forward(source.as_ptr(), self.queue.as_ptr());
            rdsys::rd_kafka_queue_destroy(source.as_ptr());
        }
        true
    }

    /// Waits for a first record for at most `wait`, and takes it with all others that have arrived by then.
    pub(super) fn take(&self, wait: Duration) -> PolledBatch {
        let mut messages = Vec::with_capacity(BATCH_MAX);
        // The call waits until it has as many as it was asked for, or for all of its time.
        let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        if self.fill(&mut messages, 1, wait) > 0 {
            self.fill(&mut messages, BATCH_MAX - 1, 0);
        }
        PolledBatch {
            messages,
            _client: Arc::clone(&self.consumer),
        }
    }

    fn fill(&self, messages: &mut Vec<KafkaMessage>, max: usize, wait: i32) -> usize {
        messages.reserve(max);
        let spare = messages.spare_capacity_mut();
        // SAFETY: the queue is ours and alive. `spare` has room for at least `max` messages, and
        // `KafkaMessage` is a transparent wrapper of the pointer that is written there.
        let taken = unsafe {
            rdsys::rd_kafka_consume_batch_queue(
                self.queue.as_ptr(),
                wait,
                spare.as_mut_ptr().cast(),
                max.min(spare.len()),
            )
        };
        // It is negative for errors, of which this call has none.
        let taken = usize::try_from(taken).unwrap_or(0);
        // SAFETY: the call has written `taken` valid pointers behind the others, each of which is
        // ours to release.
        unsafe { messages.set_len(messages.len() + taken) };
        taken
    }

    /// The end offset that brokers sent with the last records; `None` before there were any.
    pub(super) fn end(&self, topic: &str, partition: i32) -> Option<i64> {
        let topic = CString::new(topic).ok()?;
        let (mut low, mut high) = (-1, -1);
        // SAFETY: the client is alive, as we own a share of it; the string and both numbers
        // outlive the call.
        let error = unsafe {
            rdsys::rd_kafka_get_watermark_offsets(
                self.consumer.client().native_ptr(),
                topic.as_ptr(),
                partition,
                &raw mut low,
                &raw mut high,
            )
        };
        (error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: it was created in `new`, is released only here, and the client is still alive, as
        // fields are dropped after this. Records that come later are released by the client.
        unsafe { rdsys::rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}

/// Records as they came from the brokers, each partition's in the order of its log.
pub struct PolledBatch {
    messages: Vec<KafkaMessage>,
    // Messages point into the client, which must not go before them: it is dropped after them.
    _client: Arc<BaseConsumer<ClientEvents>>,
}

impl LogBatch for PolledBatch {
    type Entry<'a> = KafkaMessage;

    fn len(&self) -> usize {
        self.messages.len()
    }

    fn records(&self) -> impl ExactSizeIterator<Item = Record<'_>> + Clone {
        self.messages.iter().map(KafkaMessage::record)
    }

    fn divide(self, count: usize, place: impl Fn(i32) -> usize) -> Vec<Option<Self>> {
        let mut parts: Vec<Option<Self>> = (0..count).map(|_| None).collect();
        for message in self.messages {
            let part = parts[place(message.partition())].get_or_insert_with(|| Self {
                messages: Vec::with_capacity(BATCH_MAX / count.max(1)),
                _client: Arc::clone(&self._client),
            });
            part.messages.push(message);
        }
        parts
    }

    // The client's thread and the one that releases records would wait for each other.
    fn is_handed_on_at_no_cost(&self) -> bool {
        false
    }

    fn partitions(&self) -> BTreeSet<i32> {
        self.messages.iter().map(KafkaMessage::partition).collect()
    }

    fn retain(&mut self, keep: impl FnMut(&KafkaMessage) -> bool) {
        self.messages.retain(keep);
    }
}

/// A record, or an error of a partition.
#[repr(transparent)]
pub struct KafkaMessage(NonNull<rdsys::rd_kafka_message_t>);

// SAFETY: a message is memory that no other code writes to once it is handed out, and librdkafka
// releases it under locks of its own, on any thread.
unsafe impl Send for KafkaMessage {}

impl KafkaMessage {
    #[inline]
    fn raw(&self) -> &rdsys::rd_kafka_message_t {
        // SAFETY: it points to a message that is ours until we are dropped, and that no code writes to.
        unsafe { self.0.as_ref() }
    }
}

impl LogEntry for KafkaMessage {
    #[inline]
    fn partition(&self) -> i32 {
        self.raw().partition
    }

    #[inline]
    fn offset(&self) -> i64 {
        self.raw().offset
    }

    #[inline]
    fn error(&self) -> Option<RDKafkaErrorCode> {
        let error = self.raw().err;
        (error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| error.into())
    }

    fn reason(&self) -> String {
        // SAFETY: the message is alive, and the text, if there is one, is a C string that belongs
        // to it or is static; it is copied at once.
        unsafe {
            let text = rdsys::rd_kafka_message_errstr(self.0.as_ptr());
            if text.is_null() {
                String::new()
            } else {
                CStr::from_ptr(text).to_string_lossy().into_owned()
            }
        }
    }

    #[inline]
    fn record(&self) -> Record<'_> {
        let raw = self.raw();
        let payload = if raw.payload.is_null() {
            None
        } else {
            // SAFETY: librdkafka says that `len` bytes stand at `payload`; they belong to the
            // message and so live as long as `self`.
            Some(unsafe { slice::from_raw_parts(raw.payload.cast::<u8>(), raw.len) })
        };
        // SAFETY: the message is alive. Only -1 means that there is no timestamp, so its kind is
        // not asked for.
        let timestamp =
            unsafe { rdsys::rd_kafka_message_timestamp(self.0.as_ptr(), ptr::null_mut()) };
        let key = if raw.key.is_null() {
            None
        } else {
            // SAFETY: librdkafka says that `key_len` bytes stand at `key`; they belong to the message
            // and so live as long as `self`.
            Some(unsafe { slice::from_raw_parts(raw.key.cast::<u8>(), raw.key_len) })
        };
        Record {
            partition: raw.partition,
            offset: raw.offset,
            timestamp: (timestamp != -1).then_some(timestamp),
            key,
            headers: Headers::new(self),
            payload,
        }
    }
}

impl ReadHeaders for KafkaMessage {
    fn last(&self, name: &str) -> Option<&[u8]> {
        let name = CString::new(name).ok()?;
        let mut headers = ptr::null_mut();
        let (mut value, mut size) = (ptr::null(), 0);
        // SAFETY: the message is alive. Its headers, which the first call parses, belong to it, as does
        // the value that the second call finds, until the message is dropped; no other code changes
        // them. They are parsed at the first call for a message, and a batch, which is not `Sync`, is
        // used by one thread at a time.
        unsafe {
            let error = rdsys::rd_kafka_message_headers(self.0.as_ptr(), &raw mut headers);
            if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || headers.is_null() {
                return None;
            }
            let error = rdsys::rd_kafka_header_get_last(
                headers,
                name.as_ptr(),
                &raw mut value,
                &raw mut size,
            );
            if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || value.is_null() {
                return None;
            }
            Some(slice::from_raw_parts(value.cast::<u8>(), size))
        }
    }
}

impl Drop for KafkaMessage {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: it was handed out to be released by us, which happens only here; the client is
        // alive, as the batch that holds this drops it later.
        unsafe { rdsys::rd_kafka_message_destroy(self.0.as_ptr()) };
    }
}

/// Which topic has the name `topic` now; `None` if brokers don't say within `wait`. Those before
/// Kafka 2.8 never do.
pub(super) fn topic_id(
    consumer: &BaseConsumer<ClientEvents>,
    topic: &str,
    wait: Duration,
) -> Option<TopicId> {
    let client = consumer.client().native_ptr();
    let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    let topic = CString::new(topic).ok()?;
    let mut names = [topic.as_ptr()];
    // SAFETY: the client is alive, as `consumer` owns it, and `names` holds one C string that
    // outlives the call, which copies it. What is created here is owned here, and released by the
    // function that belongs to it; `Owned` refuses null. Descriptions and identity belong to the
    // answer, which outlives their use; each pointer into it is tested before it is followed. The
    // functions for errors take null for "none".
    unsafe {
        let topics = Owned::new(
            rdsys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len()),
            rdsys::rd_kafka_TopicCollection_destroy,
        )?;
        let options = Owned::new(
            rdsys::rd_kafka_AdminOptions_new(
                client,
                rdsys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
            ),
            rdsys::rd_kafka_AdminOptions_destroy,
        )?;
        let answers = Owned::new(
            rdsys::rd_kafka_queue_new(client),
            rdsys::rd_kafka_queue_destroy,
        )?;
        rdsys::rd_kafka_DescribeTopics(client, topics.get(), options.get(), answers.get());
        let answer = Owned::new(
            rdsys::rd_kafka_queue_poll(answers.get(), wait),
            rdsys::rd_kafka_event_destroy,
        )?;
        let result = rdsys::rd_kafka_event_DescribeTopics_result(answer.get());
        if result.is_null() {
            return None;
        }
        let mut count = 0;
        let found = rdsys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if found.is_null() || count == 0 || (*found).is_null() {
            return None;
        }
        let error = rdsys::rd_kafka_TopicDescription_error(*found);
        if rdsys::rd_kafka_error_code(error) != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        let id = rdsys::rd_kafka_TopicDescription_topic_id(*found);
        if id.is_null() {
            return None;
        }
        let high = rdsys::rd_kafka_Uuid_most_significant_bits(id).cast_unsigned();
        let low = rdsys::rd_kafka_Uuid_least_significant_bits(id).cast_unsigned();
        TopicId::new(u128::from(high) << 64 | u128::from(low))
    }
}

/// Something of librdkafka's that is released when this is dropped.
struct Owned<T> {
    it: NonNull<T>,
    release: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    /// `None` if there is nothing.
    ///
    /// # Safety
    /// `it` must be null or valid and ours to release, once, by `release`.
    unsafe fn new(it: *mut T, release: unsafe extern "C" fn(*mut T)) -> Option<Self> {
        let it = NonNull::new(it)?;
        Some(Self { it, release })
    }

    const fn get(&self) -> *mut T {
        self.it.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: the creator of this promised that it is valid and released by this alone.
        unsafe { (self.release)(self.it.as_ptr()) };
    }
}
