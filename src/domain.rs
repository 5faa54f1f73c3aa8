//! The domain: what a payment is, and the plain nouns that all floors speak of.

pub mod amount;
pub mod branch;
pub mod branch_key;
pub mod branch_names;
pub mod branch_texts;
pub mod count;
pub mod document_key;
pub mod duration;
pub mod ledger;
pub mod loopback;
pub mod mask;
pub mod payment;
pub mod provenance;
pub mod record;
pub mod secret;
pub mod secret_file;
pub mod timestamp;
pub mod topic_id;
pub mod total;
