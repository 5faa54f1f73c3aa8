//! Where a record says what: which of its values are the facts of a payment, and how they are written.

mod amount_form;
mod currency;
mod key_facts;
mod key_places;
mod place;
mod template;
mod time_form;
mod tree;

pub(crate) use super::condition::{
    CelNumber, ConditionTree, Literal as ConditionLiteral, Node as ConditionNode, TextTest,
};
pub use super::condition::{ConditionError, PaymentCondition};
pub use super::path::{Path, PathError, PathStep};
pub use amount_form::{AmountForm, AmountFormError, AmountScale};
pub use currency::{Currencies, CurrencyCode, CurrencyError};
pub(super) use key_facts::{BranchFacts, BranchPart, OrderIdFacts};
pub use key_places::KeyPlaces;
pub use place::{Place, PlaceError};
pub use template::{Template, TemplateError, TemplatePart};
pub use time_form::{EpochUnit, TimeForm, TimeFormError, TimePattern};
pub(super) use tree::Tree;

/// The places and forms of a payment's facts, as they are configured. The default is the original
/// message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MappingSettings {
    /// What holds the payment's object; `None` if the value does.
    pub envelope: Option<Path>,
    /// When the payment happened.
    pub event_time: Place,
    /// How that is written.
    pub event_time_form: TimeForm,
    /// What was paid.
    pub amount: Place,
    /// How that is written.
    pub amount_form: AmountForm,
    /// What amounts are summed by.
    pub branch: KeyPlaces,
    /// What a branch may be.
    pub branch_type: BranchType,
    /// What tells one order from others; `None` if nothing does.
    pub order_id: Option<KeyPlaces>,
    /// The currency of the amount; `None` if all have the same.
    pub currency: Option<Place>,
    /// What becomes of payments in several currencies.
    pub currencies: Currencies,
    /// Which payments count; `None`: all.
    pub condition: Option<PaymentCondition>,
    /// Which payments subtract; `None`: none.
    pub negative: Option<PaymentCondition>,
}

/// What a branch may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BranchType {
    /// An integer from 0 to 2^31 − 1.
    Integer,
    /// Such an integer, or a text.
    Any,
}

/// A mapping that is ready to be used on records.
#[derive(Clone, Debug)]
pub struct Mapping {
    settings: MappingSettings,
    /// The slot of the envelope.
    pub(super) envelope: Option<usize>,
    pub(super) event_time: Fact,
    pub(super) amount: Fact,
    pub(super) branch: BranchFacts,
    pub(super) order_id: Option<OrderIdFacts>,
    pub(super) currency: Option<Fact>,
    /// Of the original message only.
    pub(super) platform: Option<Fact>,
    /// Which payments count.
    pub(super) condition: Option<MappedCondition>,
    /// Which payments subtract.
    pub(super) negative: Option<MappedCondition>,
    pub(super) tree: Tree,
    uses: Vec<SlotUse>,
}

/// A condition, and the slots of the values that it reads.
#[derive(Clone, Debug)]
pub(super) struct MappedCondition {
    pub condition: PaymentCondition,
    /// In the order of the condition's paths.
    pub slots: Vec<usize>,
}

/// A place, and the number of its value among those that are read from the record's value.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub place: Place,
    /// `None` if it is not in the record's value.
    pub slot: Option<usize>,
}

/// What the value of a slot is used for, where it is used once and in a form that is quick to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SlotUse {
    /// As an event time of the form `auto`.
    EventTime,
    /// As an event time that counts these since 1970.
    Epoch(EpochUnit),
    /// As an amount that leaves out so many decimals.
    Amount(usize),
    /// As a branch, which may be a text.
    Branch,
    /// As an order id, which may be a text.
    OrderId,
    /// In any other way.
    Other,
}

impl Default for MappingSettings {
    fn default() -> Self {
        let place = |name| Place::Payment(Path::field(name));
        Self {
            envelope: None,
            event_time: place("createTime"),
            event_time_form: TimeForm::Auto,
            amount: place("payAmount"),
            amount_form: AmountForm::PLAIN,
            branch: KeyPlaces::One(place("branchId")),
            branch_type: BranchType::Integer,
            order_id: Some(KeyPlaces::One(place("orderId"))),
            currency: None,
            currencies: Currencies::Apart,
            condition: None,
            negative: None,
        }
    }
}

impl Default for Mapping {
    fn default() -> Self {
        Self::new(MappingSettings::default())
    }
}

impl Mapping {
    /// The mapping of `settings`.
    #[must_use]
    pub fn new(settings: MappingSettings) -> Self {
        let mut slots = Slots {
            envelope: settings.envelope.clone().unwrap_or_default(),
            tree: Tree::default(),
        };
        let envelope = settings
            .envelope
            .as_ref()
            .map(|path| slots.tree.slot(path.steps()));
        let event_time = slots.fact(&settings.event_time);
        let amount = slots.fact(&settings.amount);
        let branch = slots.branch(&settings);
        let order_id = settings.order_id.as_ref().map(|it| slots.order_id(it));
        let condition = settings.condition.as_ref().map(|it| slots.condition(it));
        let negative = settings.negative.as_ref().map(|it| slots.condition(it));
        let is_original = MappingSettings {
            condition: None,
            negative: None,
            ..settings.clone()
        } == MappingSettings::default();
        let platform = is_original.then(|| slots.fact(&Place::Payment(Path::field("payPlatform"))));
        let currency = settings.currency.as_ref().map(|place| slots.fact(place));
        let mut mapping = Self {
            envelope,
            event_time,
            amount,
            branch,
            order_id,
            currency,
            platform,
            condition,
            negative,
            uses: vec![SlotUse::Other; slots.tree.slots()],
            tree: slots.tree,
            settings,
        };
        mapping.note_uses();
        mapping
    }

    /// What it was made of.
    #[must_use]
    pub const fn settings(&self) -> &MappingSettings {
        &self.settings
    }

    /// Whether it is that of the original message, perhaps with conditions.
    #[must_use]
    pub const fn is_original(&self) -> bool {
        self.platform.is_some()
    }

    /// Whether a branch may be a text.
    #[must_use]
    pub fn has_texts(&self) -> bool {
        matches!(self.branch, BranchFacts::Several(_))
            || self.settings.branch_type == BranchType::Any
    }

    /// Whether a branch may be an integer: not if other text than digits always stands in it.
    #[must_use]
    pub fn has_integers(&self) -> bool {
        match &self.branch {
            BranchFacts::One(_) => true,
            BranchFacts::Several(parts) => parts.iter().all(|part| match part {
                BranchPart::Text(text) => text.bytes().all(|c| c.is_ascii_digit()),
                BranchPart::Fact(_) | BranchPart::Currency => true,
            }),
        }
    }

    /// What the value of `slot` is used for.
    pub(super) fn slot_use(&self, slot: usize) -> SlotUse {
        self.uses.get(slot).copied().unwrap_or(SlotUse::Other)
    }

    /// Whether `slot` is the envelope's.
    pub(super) fn is_envelope(&self, slot: usize) -> bool {
        self.envelope == Some(slot)
    }

    /// Whether it is that of the original message, and all payments count.
    pub(super) const fn is_plain_original(&self) -> bool {
        self.is_original() && self.condition.is_none() && self.negative.is_none()
    }

    /// Whether all facts that it has can be read in a quick form.
    pub(super) const fn is_quick(&self) -> bool {
        self.platform.is_none()
            && self.currency.is_none()
            && self.condition.is_none()
            && self.negative.is_none()
    }

    /// Whether the text of the object in the envelope is needed, which no layout has.
    pub(super) fn needs_envelope(&self) -> bool {
        let mut conditions = self.condition.iter().chain(&self.negative);
        self.envelope.is_some() && conditions.any(|it| it.condition.needs_object())
    }

    fn note_uses(&mut self) {
        let event_time = match self.settings.event_time_form {
            TimeForm::Auto => SlotUse::EventTime,
            TimeForm::Epoch(unit) => SlotUse::Epoch(unit),
            TimeForm::Pattern(_) => SlotUse::Other,
        };
        let amount = match self.settings.amount_form {
            AmountForm {
                scale: AmountScale::Fixed(scale),
                thousands: None,
                point: '.',
            } => SlotUse::Amount(scale as usize),
            _ => SlotUse::Other,
        };
        let mut uses = vec![(&self.event_time, event_time), (&self.amount, amount)];
        match &self.branch {
            BranchFacts::One(fact) => uses.push((fact, SlotUse::Branch)),
            BranchFacts::Several(parts) => {
                uses.extend(parts.iter().filter_map(|part| match part {
                    BranchPart::Fact(fact) => Some((fact, SlotUse::Other)),
                    BranchPart::Text(_) | BranchPart::Currency => None,
                }))
            }
        }
        match &self.order_id {
            Some(OrderIdFacts::One(fact)) => uses.push((fact, SlotUse::OrderId)),
            Some(OrderIdFacts::Several(facts)) => {
                uses.extend(facts.iter().map(|fact| (fact, SlotUse::Other)));
            }
            None => {}
        }
        let others = self.currency.iter().chain(&self.platform);
        uses.extend(others.map(|fact| (fact, SlotUse::Other)));
        let conditions = self.condition.iter().chain(&self.negative);
        let in_conditions: Vec<usize> = conditions.flat_map(|it| it.slots.clone()).collect();
        for slot in 0..self.tree.slots() {
            let mut of_slot = uses.iter().filter(|(fact, _)| fact.slot == Some(slot));
            if let (Some((_, usage)), None) = (of_slot.next(), of_slot.next())
                && !in_conditions.contains(&slot)
            {
                self.uses[slot] = *usage;
            }
        }
    }

    /// The facts that a payment can't be without, in the order in which they are asked for.
    pub(super) fn required(&self) -> impl Iterator<Item = &Fact> {
        let branch: Box<dyn Iterator<Item = &Fact>> = match &self.branch {
            BranchFacts::One(fact) => Box::new(std::iter::once(fact)),
            BranchFacts::Several(parts) => Box::new(parts.iter().filter_map(|part| match part {
                BranchPart::Fact(fact) => Some(fact),
                BranchPart::Text(_) | BranchPart::Currency => None,
            })),
        };
        [&self.event_time, &self.amount]
            .into_iter()
            .chain(branch)
            .chain(&self.currency)
    }
}

/// Numbers the paths of the record's value.
struct Slots {
    envelope: Path,
    tree: Tree,
}

impl Slots {
    fn fact(&mut self, place: &Place) -> Fact {
        let slot = match place {
            Place::Payment(path) => {
                let path = self.envelope.followed_by(path.steps());
                Some(self.tree.slot(path.steps()))
            }
            Place::Value(path) => Some(self.tree.slot(path.steps())),
            Place::Key | Place::Timestamp | Place::Header(_) => None,
        };
        Fact {
            place: place.clone(),
            slot,
        }
    }

    fn order_id(&mut self, places: &KeyPlaces) -> OrderIdFacts {
        match places {
            KeyPlaces::One(place) => OrderIdFacts::One(self.fact(place)),
            KeyPlaces::Several(template) => {
                OrderIdFacts::Several(template.places().map(|place| self.fact(place)).collect())
            }
        }
    }

    fn condition(&mut self, condition: &PaymentCondition) -> MappedCondition {
        let paths = condition.paths().iter();
        let slots = paths.map(|steps| {
            let path = self.envelope.followed_by(steps);
            self.tree.slot(path.steps())
        });
        MappedCondition {
            slots: slots.collect(),
            condition: condition.clone(),
        }
    }

    fn branch(&mut self, settings: &MappingSettings) -> BranchFacts {
        let currency = settings.currency.as_ref();
        let mut parts = match &settings.branch {
            KeyPlaces::One(place)
                if currency.is_none() || settings.currencies != Currencies::Apart =>
            {
                return BranchFacts::One(self.fact(place));
            }
            KeyPlaces::One(place) if Some(place) == currency => vec![BranchPart::Currency],
            KeyPlaces::One(place) => vec![BranchPart::Fact(self.fact(place))],
            KeyPlaces::Several(template) => {
                let parts = template.parts().iter().map(|part| match part {
                    TemplatePart::Text(text) => BranchPart::Text(text.clone()),
                    TemplatePart::Place(place) if Some(place) == currency => BranchPart::Currency,
                    TemplatePart::Place(place) => BranchPart::Fact(self.fact(place)),
                });
                parts.collect()
            }
        };
        let has_currency = parts
            .iter()
            .any(|part| matches!(part, BranchPart::Currency));
        if currency.is_some() && settings.currencies == Currencies::Apart && !has_currency {
            parts.push(BranchPart::Text("/".to_owned()));
            parts.push(BranchPart::Currency);
        }
        BranchFacts::Several(parts)
    }
}
