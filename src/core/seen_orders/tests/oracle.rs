//! The rule of duplicates over a list of all payments.

/// All payments that counted.
pub(super) struct NaiveOrders {
    within: i64,
    max_ids: u64,
    counted: Vec<Counted>,
    /// The first time of each partition that was believed.
    began: Vec<(i32, i64)>,
    offset: i64,
}

struct Counted {
    partition: i32,
    id: i128,
    event_time: i64,
    amount: i128,
    offset: i64,
    clock: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NaiveVerdict {
    New,
    Duplicate(i64),
    Conflict(i64),
}

impl NaiveOrders {
    pub(super) fn new(within: i64, max_ids: u64) -> Self {
        Self {
            within,
            max_ids,
            counted: Vec::new(),
            began: Vec::new(),
            offset: 0,
        }
    }

    /// `clock` is that of the partition after the payment. A payment that does not count has not moved it.
    pub(super) fn pay(
        &mut self,
        partition: i32,
        id: Option<i128>,
        event_time: i64,
        amount: i128,
        clock: Option<i64>,
    ) -> NaiveVerdict {
        let before = self.clock_before(partition);
        let verdict = match id {
            Some(id) => self.judge(partition, id, event_time, amount, before),
            None => NaiveVerdict::New,
        };
        let offset = self.offset;
        self.offset += 1;
        if verdict == NaiveVerdict::New {
            self.counted.push(Counted {
                partition,
                // Never asked for.
                id: id.unwrap_or(i128::MAX),
                event_time,
                amount,
                offset,
                clock,
            });
            if let Some(clock) = clock
                && self.began_at(partition).is_none()
            {
                self.began.push((partition, clock));
            }
        }
        verdict
    }

    fn judge(
        &self,
        partition: i32,
        id: i128,
        event_time: i64,
        amount: i128,
        clock: Option<i64>,
    ) -> NaiveVerdict {
        let with_ids =
            |counted: &&Counted| counted.partition == partition && counted.id != i128::MAX;
        let remembered = self.counted.iter().rev().filter(with_ids);
        let remembered = remembered.take(usize::try_from(self.max_ids).unwrap());
        let of_id = remembered.filter(|counted| counted.id == id).take(4);
        let within: Vec<&Counted> = of_id
            .filter(|counted| {
                let then = counted.clock.or(self.began_at(partition));
                let advanced = clock.zip(then).map_or(0, |(now, then)| now - then);
                advanced <= self.within && (counted.event_time - event_time).abs() <= self.within
            })
            .collect();
        let same = within.iter().find(|counted| counted.amount == amount);
        match (within.first(), same) {
            (None, _) => NaiveVerdict::New,
            (_, Some(same)) => NaiveVerdict::Duplicate(same.offset),
            (Some(newest), None) => NaiveVerdict::Conflict(newest.offset),
        }
    }

    fn clock_before(&self, partition: i32) -> Option<i64> {
        let of_partition = |counted: &&Counted| counted.partition == partition;
        self.counted.iter().rev().find(of_partition)?.clock
    }

    fn began_at(&self, partition: i32) -> Option<i64> {
        let began = self.began.iter().find(|(of, _)| *of == partition)?;
        Some(began.1)
    }
}
