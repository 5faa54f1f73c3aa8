//! The marking tasks that are not done, and which one is next.

use std::collections::BTreeMap;
use std::mem;

use tidegauge_windows::{EventTime, Frame};

use super::Store;
use super::commit::Draft;
use super::error::Error;
use super::identity::MarkedDocuments;
use super::snapshot::StateSnapshot;
use super::task::Task;
use crate::core::feedback::Family;
use crate::view::reading::Checkpoint;

/// Which documents are marked, and what is still to be marked.
#[derive(Debug)]
pub(super) struct MarkingTasks {
    documents: MarkedDocuments,
    /// By number: the state keeps the same.
    tasks: BTreeMap<u64, Task>,
}

impl MarkingTasks {
    pub(super) fn new(documents: MarkedDocuments, tasks: Vec<(u64, Task)>) -> Self {
        Self {
            documents,
            tasks: tasks.into_iter().collect(),
        }
    }

    pub(super) fn documents(&self) -> MarkedDocuments {
        self.documents
    }

    /// Whether anything is still to be marked.
    pub(super) fn is_pending(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// The next task: windows that became final first, then the oldest task.
    pub(super) fn next(&self) -> Option<(u64, Task)> {
        let finality = self.tasks.iter().find(|(_, task)| task.is_finality());
        let next = finality.or_else(|| self.tasks.first_key_value());
        next.map(|(number, task)| (*number, *task))
    }

    /// The tasks that differ once `new` ones are added. Nothing changes before [`MarkingTasks::set`].
    pub(super) fn with(&self, new: impl IntoIterator<Item = Task>) -> Vec<(u64, Task)> {
        let mut changed: BTreeMap<u64, Task> = BTreeMap::new();
        for task in new {
            let all = self.tasks.iter().chain(&changed);
            let joined = all
                .filter_map(|(number, known)| Some((*number, known.joined(&task)?)))
                .next_back();
            let last = self.tasks.last_key_value().map(|(number, _)| *number);
            let next = last.max(changed.last_key_value().map(|(number, _)| *number));
            let (number, task) = joined.unwrap_or((next.map_or(0, |last| last + 1), task));
            changed.insert(number, task);
        }
        changed.into_iter().collect()
    }

    /// Task `number` is now `task`; `None`: it is done.
    pub(super) fn set(&mut self, number: u64, task: Option<Task>) {
        match task {
            Some(task) => self.tasks.insert(number, task),
            None => self.tasks.remove(&number),
        };
    }

    /// No window that starts before this is still to be marked.
    pub(super) fn first_start(&self, frame: &Frame) -> Option<EventTime> {
        let starts = self.tasks.values().map(|task| task.first_start(frame));
        starts.flatten().min()
    }
}

impl Store {
    /// Notes that the documents of `family` that exist are to be marked for delivery again, which
    /// [`Store::mark_more`] does. What is acknowledged by an older mark awaits delivery still.
    ///
    /// # Errors
    /// When nothing was written. The same may be asked again.
    pub fn mark_again(&mut self, family: Family) -> Result<Checkpoint, Error> {
        let documents = self.marking.documents();
        let recent = mem::take(&mut self.recent);
        let mut draft = Draft::new(&self.database, &self.head, documents, recent);
        let tasks = self.marking.with(Task::of_family(family, documents));
        for (number, task) in &tasks {
            draft.keep_task(*number, Some(task));
        }
        (self.head, self.recent) = draft.write()?;
        for (number, task) in tasks {
            self.marking.set(number, Some(task));
        }
        Ok(self.checkpoint())
    }

    /// Whether documents are still to be marked.
    #[must_use]
    pub fn is_marking(&self) -> bool {
        self.marking.is_pending()
    }

    /// Marks some more of the documents that one event concerned: one batch of bounded size. A
    /// no-op if all are marked. Returns whether more are to be marked afterwards.
    ///
    /// # Errors
    /// When nothing was written. The same may be asked again.
    pub fn mark_more(&mut self) -> Result<bool, Error> {
        let Some((number, task)) = self.marking.next() else {
            return Ok(false);
        };
        let snapshot = StateSnapshot::take(&self.database, &self.context.configured);
        let unreadable = |error| self.database.unreadable(error);
        let engine = snapshot.engine().map_err(unreadable)?;
        let frame = self.context.frame(&self.head, engine);
        let (documents, rest) = task.step(&snapshot, &frame).map_err(unreadable)?;
        let (marked, recent) = (self.marking.documents(), mem::take(&mut self.recent));
        let mut draft = Draft::new(&self.database, &self.head, marked, recent);
        for document in documents {
            self.retention.note(&document);
            draft.mark([document]);
        }
        draft.keep_task(number, rest.as_ref());
        (self.head, self.recent) = draft.write()?;
        self.marking.set(number, rest);
        self.changelog.note_marking(self.head.sequence);
        Ok(self.marking.is_pending())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tidegauge_windows::{Selection, Walk};

    use super::*;
    use crate::store::task::tests::frame;

    fn closing(after: i64, until: i64) -> Task {
        Task::Windows(Walk::new(Selection {
            after: EventTime::from_millis(after),
            until: EventTime::from_millis(until),
            ..Selection::ALL
        }))
    }

    fn add(marking: &mut MarkingTasks, task: Task) {
        for (number, task) in marking.with([task]) {
            marking.set(number, Some(task));
        }
    }

    #[test]
    fn closings_that_follow_each_other_are_one_task_until_it_has_begun() {
        let mut marking = MarkingTasks::new(MarkedDocuments::WithPayments, Vec::new());
        add(&mut marking, closing(0, 10));
        add(&mut marking, closing(10, 30));
        assert_eq!(marking.next(), Some((0, closing(0, 30))));
        assert_eq!(marking.tasks.len(), 1);

        // It has begun: windows that end later may hold what it has passed.
        let Task::Windows(walk) = closing(0, 30) else {
            panic!("it is one of windows");
        };
        let branch = crate::domain::payment::BranchId::new(1).unwrap();
        let at = Some((0, EventTime::from_millis(5), branch));
        marking.set(0, Some(Task::Windows(Walk { at, ..walk })));
        add(&mut marking, closing(30, 40));
        assert_eq!(marking.tasks.len(), 2);
        assert_eq!(marking.tasks[&1], closing(30, 40));
    }

    #[test]
    fn finality_comes_before_what_is_delivered_again() {
        let mut marking = MarkingTasks::new(MarkedDocuments::WithPayments, Vec::new());
        add(&mut marking, Task::NoWindow(None));
        add(&mut marking, Task::NoWindow(None));
        assert_eq!(marking.tasks.len(), 1, "the same task twice is one");
        add(&mut marking, closing(0, 10));
        assert_eq!(marking.next(), Some((1, closing(0, 10))));
        marking.set(1, None);
        assert_eq!(marking.next(), Some((0, Task::NoWindow(None))));
        marking.set(0, None);
        assert!(!marking.is_pending());
    }

    #[test]
    fn retention_waits_for_the_earliest_of_all_tasks() {
        let first_start = |tasks: Vec<Task>| {
            let tasks = (0..).zip(tasks).collect();
            let marking = MarkingTasks::new(MarkedDocuments::WithPayments, tasks);
            marking.first_start(&frame()).map(EventTime::millis)
        };
        let hour = 3_600_000;
        let early = closing(10 * hour, 12 * hour);
        let late = closing(20 * hour, 30 * hour);
        let list = Task::NoWindow(None);
        assert_eq!(first_start(vec![list]), None);
        // The longest windows are of three hours.
        assert_eq!(first_start(vec![late, list, early]), Some(7 * hour));
    }
}
