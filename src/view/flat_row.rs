//! Answers that are one row of fields: the struct and the table of its fields are one declaration.

mod schema;

use std::borrow::Cow;

use serde::Serialize;

pub use self::schema::object_schema;
use super::field::{Field, Scalar};

/// A struct that is one row: each of its fields is a number, a text, a flag, or null.
/// `flat_row!` declares them.
pub trait FlatRow: Serialize + Sized {
    /// The fields, in the order in which they are serialized.
    const FIELDS: &'static [Field];

    /// Hands `rows` to `columns`, column by column, in the order of the fields.
    ///
    /// # Errors
    /// When a column does not take its values.
    fn fill<'r, C: Columns<'r>>(rows: &'r [Self], columns: &mut C) -> Result<(), C::Error>;
}

/// Takes rows column by column.
pub trait Columns<'r> {
    /// Why a column can't be made.
    type Error;

    /// Takes the values of `field`, one for each row.
    ///
    /// # Errors
    /// When a value does not fit.
    fn column<V: FieldValue + 'r>(
        &mut self,
        field: &'static Field,
        values: impl Iterator<Item = &'r V>,
    ) -> Result<(), Self::Error>;
}

/// A type that a field of a row may have. A value is read by the method of its scalar; the others
/// give `None`, as the right one does for null. A value of [`Scalar::U32OrText`] is read by the one of its two that it
/// is.
pub trait FieldValue {
    /// How it is held.
    const SCALAR: Scalar;
    /// Whether it may be null.
    const IS_NULLABLE: bool = false;

    /// The value of [`Scalar::Text`].
    fn text(&self) -> Option<&str> {
        None
    }

    /// The value of [`Scalar::Bool`].
    fn bool(&self) -> Option<bool> {
        None
    }

    /// The value of [`Scalar::I32`].
    fn i32(&self) -> Option<i32> {
        None
    }

    /// The value of [`Scalar::I64`].
    fn i64(&self) -> Option<i64> {
        None
    }

    /// The value of [`Scalar::U32`].
    fn u32(&self) -> Option<u32> {
        None
    }

    /// The value of [`Scalar::U64`].
    fn u64(&self) -> Option<u64> {
        None
    }

    /// The value of [`Scalar::F64`].
    fn f64(&self) -> Option<f64> {
        None
    }
}

impl<T: FieldValue> FieldValue for Option<T> {
    const SCALAR: Scalar = T::SCALAR;
    const IS_NULLABLE: bool = true;

    #[inline]
    fn text(&self) -> Option<&str> {
        self.as_ref()?.text()
    }

    #[inline]
    fn bool(&self) -> Option<bool> {
        self.as_ref()?.bool()
    }

    #[inline]
    fn i32(&self) -> Option<i32> {
        self.as_ref()?.i32()
    }

    #[inline]
    fn i64(&self) -> Option<i64> {
        self.as_ref()?.i64()
    }

    #[inline]
    fn u32(&self) -> Option<u32> {
        self.as_ref()?.u32()
    }

    #[inline]
    fn u64(&self) -> Option<u64> {
        self.as_ref()?.u64()
    }

    #[inline]
    fn f64(&self) -> Option<f64> {
        self.as_ref()?.f64()
    }
}

macro_rules! texts {
    ($($type:ty),+) => {$(
        impl FieldValue for $type {
            const SCALAR: Scalar = Scalar::Text;

            #[inline]
            fn text(&self) -> Option<&str> {
                Some(self)
            }
        }
    )+};
}

macro_rules! copies {
    ($($type:ident is $scalar:ident),+) => {$(
        impl FieldValue for $type {
            const SCALAR: Scalar = Scalar::$scalar;

            #[inline]
            fn $type(&self) -> Option<$type> {
                Some(*self)
            }
        }
    )+};
}

texts!(&str, String, Cow<'_, str>);
copies!(bool is Bool, i32 is I32, i64 is I64, u32 is U32, u64 is U64, f64 is F64);

/// Declares a struct that is one row, with the table of its fields. Each field has a description (its
/// doc comment), a type, and a kind (see [`FieldKind`](super::field::FieldKind)); `field as "name"` gives
/// it another name than Rust allows. `struct Row as "Name"` keeps a name in /openapi.json
/// that is public.
///
/// ```text
/// flat_row! {
///     /// What a row is about.
///     pub struct Example<'a> {
///         /// The branch's name.
///         pub branch: &'a str => Name,
///         /// The median; null when there are no payments.
///         pub pay_p50: Option<f64> => Percentile(50),
///         /// Whether it is final.
///         pub is_final as "final": bool => Flag,
///     }
/// }
/// ```
macro_rules! flat_row {
    (
        $(#[doc = $about:literal])+
        pub struct $row:ident $(<$life:lifetime>)? $(as $component:literal)? {$(
            $(#[doc = $description:literal])+
            pub $field:ident $(as $name:literal)?: $type:ty => $kind:ident $(($number:literal))?,
        )+}
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, PartialEq, Debug, serde::Serialize)]
        pub struct $row $(<$life>)? {$(
            $(#[doc = $description])+
            $(#[serde(rename = $name)])?
            pub $field: $type,
        )+}

        impl $(<$life>)? $crate::view::flat_row::FlatRow for $row $(<$life>)? {
            const FIELDS: &'static [$crate::view::field::Field] = &[$(
                $crate::view::field::Field::new(
                    // The first is its name.
                    [$($name,)? stringify!($field)][0],
                    $crate::view::field::FieldKind::$kind $(($number))?,
                    <$type as $crate::view::flat_row::FieldValue>::SCALAR,
                    <$type as $crate::view::flat_row::FieldValue>::IS_NULLABLE,
                    concat!($($description),+),
                ),
            )+];

            fn fill<'r, C: $crate::view::flat_row::Columns<'r>>(
                rows: &'r [Self],
                columns: &mut C,
            ) -> Result<(), C::Error> {
                let mut fields = Self::FIELDS.iter();
                $(if let Some(field) = fields.next() {
                    columns.column(field, rows.iter().map(|row| &row.$field))?;
                })+
                Ok(())
            }
        }

        impl $(<$life>)? utoipa::PartialSchema for $row $(<$life>)? {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                use $crate::view::flat_row::{FlatRow, object_schema};
                object_schema(concat!($($about),+), <Self as FlatRow>::FIELDS)
            }
        }

        impl $(<$life>)? utoipa::ToSchema for $row $(<$life>)? {
            fn name() -> std::borrow::Cow<'static, str> {
                [$($component,)? stringify!($row)][0].into()
            }
        }
    };
}

pub(crate) use flat_row;
