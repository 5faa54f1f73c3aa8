//! The description of a row for programs: its schema in OpenAPI.

use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::view::field::{Field, FieldKind, Scalar};

/// The schema of an object with `fields`.
#[must_use]
pub fn object_schema(description: &str, fields: &[Field]) -> RefOr<Schema> {
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(description.trim_ascii()));
    let object = fields.iter().fold(object, |object, field| {
        let object = object.property(field.name, property(field));
        if field.is_nullable {
            object
        } else {
            object.required(field.name)
        }
    });
    RefOr::T(object.into())
}

fn property(field: &Field) -> Schema {
    if field.scalar == Scalar::U32OrText {
        return ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::Integer, Type::String]))
            .minimum(Some(0.0))
            .description(Some(field.description))
            .into();
    }
    let (kind, format) = match field.scalar {
        Scalar::Text if field.kind == FieldKind::Time => {
            (Type::String, Some(KnownFormat::DateTime))
        }
        Scalar::Text => (Type::String, None),
        Scalar::Bool => (Type::Boolean, None),
        Scalar::I32 | Scalar::U32 | Scalar::U32OrText => (Type::Integer, Some(KnownFormat::Int32)),
        Scalar::I64 | Scalar::U64 => (Type::Integer, Some(KnownFormat::Int64)),
        Scalar::F64 => (Type::Number, Some(KnownFormat::Double)),
    };
    let schema_type = if field.is_nullable {
        SchemaType::from_iter([kind, Type::Null])
    } else {
        kind.into()
    };
    let is_unsigned = matches!(field.scalar, Scalar::U32 | Scalar::U64);
    let is_exact = field.kind == FieldKind::ExactMoney;
    ObjectBuilder::new()
        .schema_type(schema_type)
        .format(format.map(SchemaFormat::KnownFormat))
        .minimum(is_unsigned.then_some(0.0))
        .pattern(is_exact.then_some(r"^-?\d+(\.\d+)?$"))
        .description(Some(field.description))
        .into()
}
