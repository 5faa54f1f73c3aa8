//! Event time for streams that arrive late, out of order and in parts: windows whose figures are a
//! function of the log and the rules, apart from inputs [past retention](Placement::PastRetention).
//!
//! An input goes into exactly one *slice*: the longest stretch of event time that every bound of every
//! window is a multiple of. A window is a merge of slices. The [`Engine`] decides where an input belongs
//! and keeps the watermarks; it hands out *differences* ([`Changes`]) and keeps no slice itself.
//! Their owner ([`MemoryCells`], or a store) gives them back through [`Cells`], and a
//! [`Frame`] assembles windows from there.
//!
//! The crate has no clock, no I/O and no threads. Wall-clock facts (a partition is idle, the stream
//! is quiet) are inputs, and no input of that kind changes a figure.
//!
//! ```
//! use std::sync::Arc;
//! use tidegauge_windows::{
//!     Definition, Engine, EventTime, Frame, MemoryCells, Placement, Query, Settings, Span, Summary,
//! };
//!
//! let minute = Definition::tumbling("1m", Span::MINUTE, Span::ZERO, chrono_tz::UTC)?;
//! let settings = Arc::new(Settings {
//!     definitions: vec![minute],
//!     out_of_orderness: Span::from_millis(5_000),
//!     allowed_lateness: Span::DAY,
//!     max_future: Span::from_millis(300_000),
//!     retention: Span::DAY.times(35),
//!     zero_windows: true,
//! });
//! let mut engine: Engine<u32, Summary> = Engine::new(Arc::clone(&settings));
//! let at = EventTime::from_millis;
//! assert_eq!(engine.insert(0, at(1_000), None, 7, &250), Placement::OnTime);
//! assert_eq!(engine.insert(0, at(70_000), None, 7, &100), Placement::OnTime);
//! // 70 s − 5 s has passed the end of the first minute: this one is late, and counts.
//! assert_eq!(engine.insert(0, at(2_000), None, 7, &50), Placement::Late);
//! engine.advance();
//!
//! let mut cells = MemoryCells::default();
//! let changes = engine.take_changes();
//! let frame = Frame::new(settings, changes.snapshot.clone());
//! cells.apply(frame.grid(), changes);
//! let windows = frame.windows(&cells, &Query::all(0)).unwrap();
//! assert_eq!(windows[0].aggregate.count, 2);
//! assert!(windows[0].is_final() && !windows[1].is_final());
//! # Ok::<(), tidegauge_windows::DefinitionError>(())
//! ```

#![no_std]

extern crate alloc;

mod activity;
mod aggregate;
mod calendar;
mod cells;
mod changes;
mod definition;
mod engine;
mod frame;
mod grid;
mod histogram;
mod known_keys;
mod memory;
mod partition;
mod partition_times;
mod placement;
pub mod planted;
mod query;
mod settings;
mod snapshot;
mod summary;
mod time;
mod touched;
mod walk;
mod watermark;
mod zone;

pub use aggregate::Aggregate;
pub use cells::{Cells, Key};
pub use changes::{Changes, Closed};
pub use definition::{Definition, DefinitionError, Kind, Windows};
pub use engine::Engine;
pub use frame::{ClosedBy, Frame, WindowResult};
pub use grid::{Block, Grid};
pub use histogram::Histogram;
pub use memory::MemoryCells;
pub use partition::{AGREED_MIN, AGREED_OF_ONE_KEY_MIN, Jump, Keys, Participation, PartitionTime};
pub use placement::Placement;
pub use query::Query;
pub use settings::{ACTIVITY_REACH, KNOWN_KEYS_MAX, MAX_JUMP, Settings};
pub use snapshot::{QuietClose, Snapshot};
pub use summary::Summary;
pub use time::{EventTime, Span, Stretch, Window};
pub use walk::{Selection, Step, Walk};
pub use zone::{LocalTime, offset_at_local, offset_at_utc};
