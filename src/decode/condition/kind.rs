//! The types of CEL, as far as they are known before a payment is.

/// The type of an expression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ValueKind {
    /// A field of the payment, or anything computed from one: known for each payment only.
    Any,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Null,
    List,
    Map,
    Type,
}

/// A set of types. [`ValueKind::Any`] belongs to all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Kinds(u16);

impl ValueKind {
    const fn bit(self) -> u16 {
        1 << self as u16
    }

    /// With an article.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Bool => "a boolean",
            Self::Int => "an int",
            Self::Uint => "a uint",
            Self::Double => "a double",
            Self::String => "a string",
            Self::Bytes => "bytes",
            Self::Null => "null",
            Self::List => "a list",
            Self::Map => "an object",
            Self::Type => "a type",
        }
    }

    /// The kind that CEL calls `name`, as `type(x)` gives it.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "bool" => Self::Bool,
            "int" => Self::Int,
            "uint" => Self::Uint,
            "double" => Self::Double,
            "string" => Self::String,
            "bytes" => Self::Bytes,
            "null_type" => Self::Null,
            "list" => Self::List,
            "map" => Self::Map,
            "type" => Self::Type,
            _ => return None,
        })
    }

    /// Whether a value of this type can equal one of the `other`. Numbers of all types can.
    pub(super) fn can_equal(self, other: Self) -> bool {
        let number = |kind| Kinds::NUMBERS.contains(kind);
        self == other || self == Self::Any || other == Self::Any || (number(self) && number(other))
    }
}

impl Kinds {
    pub(super) const ALL: Self = Self(u16::MAX);
    pub(super) const NUMBERS: Self =
        Self::of(&[ValueKind::Int, ValueKind::Uint, ValueKind::Double]);

    pub(super) const fn of(kinds: &[ValueKind]) -> Self {
        let mut bits = ValueKind::Any.bit();
        let mut index = 0;
        while index < kinds.len() {
            bits |= kinds[index].bit();
            index += 1;
        }
        Self(bits)
    }

    pub(super) const fn contains(self, kind: ValueKind) -> bool {
        self.0 & kind.bit() != 0
    }
}
