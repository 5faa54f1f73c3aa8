//! A field as users see it: its name, kind, type and description.
//!
//! Each public shape has one table of its fields ([`FlatRow::FIELDS`](super::flat_row::FlatRow)), in the
//! order in which they are shown. Columns, mappings, OpenAPI, Kibana and CSV headers come from it.

/// A field of an answer or a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// Its name in JSON, in columns and in documents.
    pub name: &'static str,
    /// The kind of value: a time, an amount, a name, …
    pub kind: FieldKind,
    /// How it is held.
    pub scalar: Scalar,
    /// Whether it may be null.
    pub is_nullable: bool,
    /// What it tells, in a sentence or two.
    pub description: &'static str,
}

/// What a field tells, and in which unit. It decides how the field is stored, formatted and aggregated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldKind {
    /// The name of a branch or of a window definition.
    Name,
    /// A number or a text that identifies. Nothing is computed from it.
    Id,
    /// The number of a Kafka partition.
    Partition,
    /// An offset in a Kafka partition.
    Offset,
    /// An amount in the unit of `payAmount`, as the nearest double.
    Money,
    /// An amount in the unit of `payAmount`, as an exact decimal in a text.
    ExactMoney,
    /// A percentile of amounts, from 1 to 99, as the nearest double. Percentiles can be neither added
    /// nor averaged.
    Percentile(u8),
    /// How many; never below zero.
    Count,
    /// A moment: RFC 3339 in UTC, to the millisecond.
    Time,
    /// Yes or no.
    Flag,
    /// One of a few fixed words.
    Word,
    /// Text to read: a sentence, or what a record held.
    Text,
}

/// How a value is held in JSON and in columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scalar {
    /// A text.
    Text,
    /// `true` or `false`.
    Bool,
    /// A signed integer of 32 bits.
    I32,
    /// A signed integer of 64 bits.
    I64,
    /// An unsigned integer of 32 bits.
    U32,
    /// An unsigned integer of 64 bits.
    U64,
    /// A double.
    F64,
    /// An unsigned integer of 32 bits, or a text. In columns it is the first where the configuration allows no
    /// texts, and otherwise a text throughout.
    U32OrText,
}

impl Field {
    /// A field. `description` may have spaces around it.
    ///
    /// # Panics
    /// When a value of `kind` is never held as `scalar`, or a percentile is not 1 to 99. Tables are constants, so this fails the build.
    #[must_use]
    pub const fn new(
        name: &'static str,
        kind: FieldKind,
        scalar: Scalar,
        is_nullable: bool,
        description: &'static str,
    ) -> Self {
        assert!(kind.can_be(scalar), "a field's kind and type disagree");
        if let FieldKind::Percentile(percent) = kind {
            assert!(percent >= 1 && percent <= 99, "percentiles are 1 to 99");
        }
        Self {
            name,
            kind,
            scalar,
            is_nullable,
            description: description.trim_ascii(),
        }
    }
}

/// The names of `fields`, in their order: the header of a table.
pub fn names(fields: &[Field]) -> impl Iterator<Item = &'static str> + '_ {
    fields.iter().map(|field| field.name)
}

impl FieldKind {
    const fn can_be(self, scalar: Scalar) -> bool {
        match self {
            Self::Name | Self::ExactMoney | Self::Time | Self::Word | Self::Text => {
                matches!(scalar, Scalar::Text)
            }
            Self::Id => matches!(
                scalar,
                Scalar::U32 | Scalar::U64 | Scalar::Text | Scalar::U32OrText
            ),
            Self::Partition => matches!(scalar, Scalar::I32),
            Self::Offset => matches!(scalar, Scalar::I64),
            Self::Money | Self::Percentile(_) => matches!(scalar, Scalar::F64),
            Self::Count => matches!(scalar, Scalar::U64),
            Self::Flag => matches!(scalar, Scalar::Bool),
        }
    }

    /// Whether it is an amount, exact or not.
    #[must_use]
    pub const fn is_amount(self) -> bool {
        matches!(self, Self::Money | Self::ExactMoney | Self::Percentile(_))
    }
}
