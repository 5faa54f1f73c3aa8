//! The facts of which keys are made.

use super::Fact;

/// The facts that a branch is made of.
#[derive(Clone, Debug)]
pub enum BranchFacts {
    One(Fact),
    Several(Vec<BranchPart>),
}

/// A part of a branch's text.
#[derive(Clone, Debug)]
pub enum BranchPart {
    Text(String),
    Fact(Fact),
    Currency,
}

/// The facts that an order id is made of.
#[derive(Clone, Debug)]
pub enum OrderIdFacts {
    One(Fact),
    Several(Vec<Fact>),
}

impl OrderIdFacts {
    pub fn facts(&self) -> &[Fact] {
        match self {
            Self::One(fact) => std::slice::from_ref(fact),
            Self::Several(facts) => facts,
        }
    }
}
