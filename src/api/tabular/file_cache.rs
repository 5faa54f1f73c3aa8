//! Files kept for a moment, so that a reader that asks for one in parts gets parts of one file.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;

use super::file::TableFile;
use crate::api::etag::EntityTag;
use crate::host::clock::Instant;

/// A file is given for its question so long after it was last asked for in parts …
const IDLE: Duration = Duration::from_secs(10);
/// … but not for longer than this after it was made.
const AGE: Duration = Duration::from_secs(60);
/// The kept files have at most so many bytes together.
const BYTES: usize = 64 << 20;
/// There are at most so many of them.
const FILES: usize = 16;

/// The files made last.
#[derive(Default)]
pub(in crate::api) struct FileCache {
    files: Mutex<Vec<CachedFile>>,
    /// One file is made at a time: it is the one answer that is whole in memory.
    pub(super) making: Arc<tokio::sync::Mutex<()>>,
}

struct CachedFile {
    question: String,
    file: TableFile,
    made: Instant,
    used: Instant,
}

impl FileCache {
    /// The file that a request in parts for `question` is answered from, if there is one: the one
    /// that `If-Range` names, else the newest.
    pub(super) fn find(&self, question: &str, headers: &HeaderMap) -> Option<TableFile> {
        self.find_at(question, headers, Instant::now())
    }

    fn find_at(&self, question: &str, headers: &HeaderMap, now: Instant) -> Option<TableFile> {
        let mut files = self.files();
        files.retain(|entry| now - entry.used < IDLE && now - entry.made < AGE);
        let entry = files
            .iter_mut()
            .rev()
            .filter(|entry| entry.question == question)
            .find(|entry| entry.file.head.tag.allows_part(headers))?;
        entry.used = now;
        Some(entry.file.clone())
    }

    /// The file with `tag`: the answer to its question, as long as there is no newer checkpoint.
    pub(super) fn find_tagged(&self, tag: EntityTag) -> Option<TableFile> {
        let files = self.files();
        let entry = files.iter().find(|entry| entry.file.head.tag == tag)?;
        Some(entry.file.clone())
    }

    /// Forgets all files.
    pub(super) fn forget(&self) {
        self.files().clear();
    }

    /// Keeps `file`, the answer to `question`.
    pub(super) fn keep(&self, question: String, file: &TableFile) {
        let now = Instant::now();
        let mut files = self.files();
        // The same bytes need not be kept twice.
        files.retain(|entry| entry.file.head.tag != file.head.tag);
        files.push(CachedFile {
            question,
            file: file.clone(),
            made: now,
            used: now,
        });
        let mut bytes: usize = files.iter().map(|entry| entry.file.bytes.len()).sum();
        while files.len() > FILES || bytes > BYTES && files.len() > 1 {
            bytes -= files.remove(0).file.bytes.len();
        }
    }

    // What is in it is whole at any time.
    fn files(&self) -> MutexGuard<'_, Vec<CachedFile>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    use crate::api::Limits;
    use crate::api::capacity::Capacity;
    use crate::api::tabular::head::Head;

    fn file(sequence: u64, bytes: usize) -> TableFile {
        let capacity = Capacity::new(&Limits::default());
        TableFile {
            head: Head::sample(sequence),
            bytes: vec![0; bytes].into(),
            room: capacity.room(bytes).unwrap(),
        }
    }

    fn found(kept: &FileCache, question: &str, later: Duration) -> Option<u64> {
        let now = Instant::now() + later;
        let file = kept.find_at(question, &HeaderMap::new(), now)?;
        Some(file.head.sequence())
    }

    #[test]
    fn parts_come_from_the_newest_file_of_the_question_or_the_one_that_is_named() {
        let kept = FileCache::default();
        let first = file(1, 10);
        kept.keep("a".into(), &first);
        kept.keep("b".into(), &file(2, 10));
        kept.keep("a".into(), &file(3, 10));
        assert_eq!(found(&kept, "a", Duration::ZERO), Some(3));
        assert_eq!(found(&kept, "b", Duration::ZERO), Some(2));
        assert_eq!(found(&kept, "c", Duration::ZERO), None);
        let mut headers = HeaderMap::new();
        headers.insert(axum::http::header::IF_RANGE, first.head.tag.header());
        assert_eq!(kept.find("a", &headers).unwrap().head.sequence(), 1);
        assert!(kept.find("b", &headers).is_none());
    }

    #[test]
    fn a_file_is_forgotten_when_it_is_not_asked_for_or_old() {
        let kept = FileCache::default();
        kept.keep("a".into(), &file(1, 10));
        let mut later = Duration::ZERO;
        while later < AGE - IDLE {
            later += IDLE / 2;
            assert_eq!(found(&kept, "a", later), Some(1), "{later:?}");
        }
        assert_eq!(found(&kept, "a", AGE), None);
        kept.keep("a".into(), &file(2, 10));
        assert_eq!(found(&kept, "a", IDLE + IDLE / 2), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let kept = FileCache::default();
        for number in 0..20 {
            kept.keep(number.to_string(), &file(number, 1));
        }
        assert_eq!(kept.files().len(), FILES);
        kept.keep("large".into(), &file(99, BYTES));
        assert_eq!(kept.files().len(), 1);
        assert_eq!(found(&kept, "large", Duration::ZERO), Some(99));
    }
}
