//! One partition's event time, and when a jump of it is believed.

use crate::planted::{Mistake, is_planted};
use crate::{EventTime, MAX_JUMP, Span};

/// One partition's event time.
///
/// A payment that is far ahead of all others of its partition may come from a wrong clock, so nothing
/// follows it until another payment agrees with it. All of this is decided by the partition's own
/// payments, in their order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PartitionTime {
    /// The highest event time that is believed: the watermark follows it.
    pub highest: Option<EventTime>,
    /// A jump that is not believed yet.
    pub jump: Option<Jump>,
    /// Whose payments decided its time so far.
    pub keys: Keys,
    /// How far event time had travelled when its last payment came that was not behind the watermark:
    /// what others travelled since then, it missed.
    pub travelled: Span,
    /// Whether it takes part in the combined watermark.
    pub participation: Participation,
}

/// A partition's part in the combined watermark (Flink: `CombinedWatermarkStatus`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Participation {
    /// The partition holds the combined watermark back.
    #[default]
    Active,
    /// The partition has nothing to read; the combined watermark advances without it.
    Idle,
    /// The partition reads again after it was idle, and is still behind the others.
    Returning,
}

/// An event time more than [`MAX_JUMP`] ahead of what is believed, or the first of its partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Jump {
    /// The highest event time of the payments that agree.
    pub to: EventTime,
    /// Whose payments agree.
    pub keys: Keys,
    /// How many payments after the first agree.
    pub agreed: u8,
}

/// The keys of some payments, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Keys {
    /// None yet.
    #[default]
    None,
    /// Only the one with this number: [`crate::Key::number`].
    One(u64),
    /// More than one.
    Several,
}

/// A jump is believed when so many further payments agree, not all of one key unless the partition has
/// no other. The first event time of a partition needs one.
pub const AGREED_MIN: u8 = 2;
/// A jump is believed when so many further payments agree, even if all are of one key.
pub const AGREED_OF_ONE_KEY_MIN: u8 = 16;

impl PartitionTime {
    /// Every payment earlier than this is expected to be here; none if no event time is believed yet.
    #[inline]
    #[must_use]
    pub fn watermark(&self, out_of_orderness: Span) -> Option<EventTime> {
        self.highest.map(|highest| highest.minus(out_of_orderness))
    }

    /// The event time of its only payments so far, if none is believed yet.
    pub(crate) fn first(&self) -> Option<EventTime> {
        match (self.highest, self.jump) {
            (None, Some(jump)) => Some(jump.to),
            _ => None,
        }
    }

    /// Whether it is left out of the combined watermark because it has nothing to read.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.participation == Participation::Idle
    }

    /// Whether a payment at `time` is late: behind the watermark, or behind that of a jump which it
    /// agrees with.
    #[inline]
    pub(crate) fn is_late(&self, time: EventTime, out_of_orderness: Span) -> bool {
        let highest = match self.jump {
            Some(jump) if jump.agrees(time) => Some(jump.to),
            _ => self.highest,
        };
        let time = match is_planted(Mistake::WatermarkIsLate) {
            true => time.minus(Span::from_millis(1)),
            false => time,
        };
        highest.is_some_and(|highest| time < highest.minus(out_of_orderness))
    }

    /// Whether a payment at `time` is like most others: on time, and with nothing to be noted but that there was one.
    #[inline]
    pub(crate) fn is_usual(&self, time: EventTime, out_of_orderness: Span) -> bool {
        let is_settled = matches!(
            (self.keys, &self.jump, self.participation),
            (Keys::Several, None, Participation::Active)
        );
        // Both change which payments are late.
        let is_judged_wrongly = is_planted(Mistake::WatermarkIsLate)
            || is_planted(Mistake::LatenessByTheCombinedWatermark);
        let highest = self.highest.filter(|highest| time <= *highest);
        is_settled
            && !is_judged_wrongly
            && highest.is_some_and(|highest| time >= highest.minus(out_of_orderness))
    }

    /// Takes note of a payment in its windows, of the key with the number `key`. Returns how far its
    /// event time advanced, or `None` if the payment is behind the watermark: such a payment does not show what
    /// time it is now.
    #[inline]
    pub(crate) fn note(
        &mut self,
        time: EventTime,
        key: u64,
        out_of_orderness: Span,
    ) -> Option<Span> {
        let watermark = self.watermark(out_of_orderness);
        if watermark.is_some_and(|watermark| time < watermark) {
            return None;
        }
        let before = self.highest;
        self.believe(time, key);
        let step = |(before, now): (EventTime, EventTime)| now.since(before);
        Some(before.zip(self.highest).map_or(Span::ZERO, step))
    }

    #[inline]
    fn believe(&mut self, time: EventTime, key: u64) {
        self.keys = self.keys.with(key);
        // Most payments: no jump is open, and this is none.
        if let (Some(highest), None) = (self.highest, self.jump)
            && time <= highest.plus(MAX_JUMP)
        {
            self.highest = Some(highest.max(time));
            return;
        }
        self.believe_other(time, key);
    }

    fn believe_other(&mut self, time: EventTime, key: u64) {
        // A payment of the time that is believed disproves the jump.
        self.jump = self.jump.filter(|jump| jump.agrees(time));
        match self.highest {
            Some(highest)
                if time <= highest.plus(MAX_JUMP) || is_planted(Mistake::JumpBelievedAtOnce) =>
            {
                self.reach(highest.max(time));
            }
            _ => self.note_ahead(time, key),
        }
    }

    // A jump that is no longer far away is not a jump any more.
    fn reach(&mut self, highest: EventTime) {
        match self.jump {
            Some(jump) if jump.to <= highest.plus(MAX_JUMP) => {
                self.highest = Some(highest.max(jump.to));
                self.jump = None;
            }
            _ => self.highest = Some(highest),
        }
    }

    fn note_ahead(&mut self, time: EventTime, key: u64) {
        let first = Jump {
            to: time,
            keys: Keys::One(key),
            agreed: 0,
        };
        let Some(jump) = &mut self.jump else {
            self.jump = Some(first);
            return;
        };
        let is_near = time <= jump.to.plus(MAX_JUMP);
        if is_near {
            jump.to = jump.to.max(time);
        }
        jump.keys = jump.keys.with(key);
        jump.agreed = jump.agreed.saturating_add(1);
        let needed = match (
            self.highest,
            jump.keys == Keys::Several || jump.keys == self.keys,
        ) {
            (_, false) => AGREED_OF_ONE_KEY_MIN,
            (None, true) => 1,
            (Some(_), true) => AGREED_MIN,
        };
        if jump.agreed >= needed {
            self.highest = Some(jump.to);
            self.jump = (!is_near).then_some(first);
        }
    }
}

impl Jump {
    #[inline]
    fn agrees(self, time: EventTime) -> bool {
        time >= self.to.minus(MAX_JUMP)
    }
}

impl Keys {
    #[inline]
    fn with(self, key: u64) -> Self {
        match self {
            Self::None => Self::One(key),
            Self::One(one) if one == key => self,
            Self::One(_) | Self::Several => Self::Several,
        }
    }
}
