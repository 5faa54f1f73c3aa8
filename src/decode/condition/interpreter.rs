//! Conditions that the crate's interpreter evaluates over the payment's object.

use std::collections::BTreeSet;
use std::sync::Arc;

use cel::common::functions::Function;
use cel::common::types::{CelBool, CelBytes, CelList, CelMap, CelString, DYN_TYPE, STRING_TYPE};
use cel::common::value::CowVal;
use cel::extractors::This;
use cel::{Context, Env, ExecutionError, IdedExpr, Value};

use super::check::{Patterns, Uses};
use super::error::EvaluationError;
use super::failure;
use super::path::WHOLE;
use super::rewrite::{ELEMENTS, OPERAND, SINGLE, rewrite};
use super::{ELEMENTS_MAX, SINGLE_MAX, object};

/// A condition as the crate's interpreter takes it.
///
/// Its work is linear in the size of the payment and in that of the condition. What is outside
/// macros reads a value a fixed number of times, and copies single values of at most
/// [`SINGLE_MAX`] bytes alone. A macro goes through at most [`ELEMENTS_MAX`] elements, and for
/// each it reads that element and such single values.
pub(super) struct Interpreter {
    expr: IdedExpr,
    /// The fields that it uses; `None` for all.
    fields: Option<BTreeSet<String>>,
    /// The paths that it reads, for messages.
    paths: BTreeSet<String>,
    patterns: Arc<Patterns>,
    environment: Arc<Env>,
}

impl Interpreter {
    pub(super) fn new(expr: &IdedExpr, uses: Uses) -> Self {
        Self {
            expr: rewrite(expr),
            fields: (!uses.whole).then_some(uses.fields),
            paths: uses.paths,
            patterns: Arc::new(uses.patterns),
            environment: Arc::new(environment()),
        }
    }

    /// Whether the condition holds for the payment whose JSON object `text` is.
    pub(super) fn evaluate(&self, text: &str) -> Result<bool, EvaluationError> {
        let payment = object::read(text, self.fields.as_ref());
        let payment = payment.ok_or(EvaluationError::NotAnObject)?;
        let mut context = Context::with_env(Arc::clone(&self.environment));
        context.add_variable_as_val(WHOLE, Box::new(payment));
        if !self.patterns.is_empty() {
            self.add_matches(&mut context);
        }
        match Value::resolve_val(&self.expr, &context) {
            Ok(value) => match value.downcast_ref::<CelBool>() {
                Some(holds) => Ok(*holds.inner()),
                None => Err(failure::not_boolean(value.get_type().name())),
            },
            Err(error) => Err(failure::explain(&error, &self.paths)),
        }
    }

    /// The crate would compile the pattern of `matches` each time it is evaluated.
    fn add_matches(&self, context: &mut Context<'_, '_>) {
        let patterns = Arc::clone(&self.patterns);
        let matches = move |This(text): This<Arc<String>>, pattern: Arc<String>| {
            let compiled = patterns.get(pattern.as_str());
            compiled
                .map(|compiled| compiled.is_match(&text))
                .ok_or_else(|| ExecutionError::function_error("matches", "unknown pattern"))
        };
        let added = context.add_function("matches", matches);
        debug_assert!(
            added.is_ok(),
            "without its feature `regex` the crate has no matches()"
        );
    }
}

/// CEL's standard library without optional values, and what macros are held to.
fn environment() -> Env {
    let mut environment = Env::default().with_optional_support(false).with_stdlib();
    for (name, function) in [
        (ELEMENTS, elements as Function),
        (SINGLE, single),
        (OPERAND, operand),
    ] {
        let arguments = vec![DYN_TYPE, STRING_TYPE];
        let added = environment.add_overload(name, name, arguments, function);
        debug_assert!(added.is_ok(), "the standard library has no names with @");
    }
    environment
}

fn refuse<T>(problem: String) -> Result<T, ExecutionError> {
    Err(ExecutionError::function_error(ELEMENTS, problem))
}

/// The value and the name that a call of [`elements`] or [`single`] is given.
fn named<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<(CowVal<'b, 'v>, String), ExecutionError> {
    let [value, name] = <[_; 2]>::try_from(args)
        .map_err(|args| ExecutionError::invalid_argument_count(2, args.len()))?;
    let name = name
        .downcast_ref::<CelString<'_>>()
        .map(|name| name.inner().to_owned());
    Ok((value, name.unwrap_or_default()))
}

fn elements<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (range, name) = named(args)?;
    let Some(list) = range.downcast_ref::<CelList<'_>>() else {
        let kind = range.get_type().name();
        return refuse(format!(
            "a macro goes through a list, but {name} is {}",
            failure::kind_name(kind)
        ));
    };
    let count = list.inner().len();
    if count > ELEMENTS_MAX {
        return refuse(format!(
            "{name} has {count} elements, more than the {ELEMENTS_MAX} that a macro goes through"
        ));
    }
    Ok(range)
}

fn operand<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (value, name) = named(args)?;
    match compound(&value) {
        Some(kind) => refuse(format!(
            "{name} is {kind}, which can't be ordered or computed with"
        )),
        None => Ok(value),
    }
}

/// What `value` is, if it has elements or fields.
fn compound(value: &CowVal<'_, '_>) -> Option<&'static str> {
    let is_compound = value.downcast_ref::<CelList<'_>>().is_some()
        || value.downcast_ref::<CelMap<'_>>().is_some();
    is_compound.then(|| failure::kind_name(value.get_type().name()))
}

fn single<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (value, name) = named(args)?;
    if let Some(kind) = compound(&value) {
        return refuse(format!(
            "only single values can stand in a macro, a sum or a list, and {name} is {kind}"
        ));
    }
    let text = value
        .downcast_ref::<CelString<'_>>()
        .map(|text| text.inner().len());
    let bytes = value
        .downcast_ref::<CelBytes<'_>>()
        .map(|bytes| bytes.inner().len());
    match text.or(bytes) {
        Some(length) if length > SINGLE_MAX => refuse(format!(
            "only up to {SINGLE_MAX} bytes can stand in a macro, a sum or a list, and {name} has \
             {length}"
        )),
        _ => Ok(value),
    }
}
