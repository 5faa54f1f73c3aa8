//! The paths of a mapping, side by side, for one walk through a value.

use crate::decode::path::PathStep;

/// What is wanted of an object, by the steps that lead there. Each path has a number, its slot.
#[derive(Clone, Debug)]
pub(in crate::decode) struct Tree {
    nodes: Vec<TreeNode>,
    slots: usize,
}

/// A value on the way to a slot, or at one.
#[derive(Clone, Debug, Default)]
pub(in crate::decode) struct TreeNode {
    /// What is wanted is here.
    pub slot: Option<usize>,
    fields: Vec<(String, usize)>,
    items: Vec<(usize, usize)>,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            nodes: vec![TreeNode::default()],
            slots: 0,
        }
    }
}

impl Tree {
    /// The node where all paths begin.
    pub const ROOT: usize = 0;

    /// The slot of the path, a new one if it has none.
    pub fn slot(&mut self, path: &[PathStep]) -> usize {
        let mut at = Self::ROOT;
        for step in path {
            at = match self.child(at, step) {
                Some(child) => child,
                None => {
                    let child = self.nodes.len();
                    self.nodes.push(TreeNode::default());
                    match step {
                        PathStep::Field(name) => self.nodes[at].fields.push((name.clone(), child)),
                        PathStep::Index(index) => self.nodes[at].items.push((*index, child)),
                    }
                    child
                }
            };
        }
        *self.nodes[at].slot.get_or_insert_with(|| {
            self.slots += 1;
            self.slots - 1
        })
    }

    /// How many slots there are.
    pub const fn slots(&self) -> usize {
        self.slots
    }

    pub fn node(&self, at: usize) -> &TreeNode {
        &self.nodes[at]
    }

    fn child(&self, at: usize, step: &PathStep) -> Option<usize> {
        match step {
            PathStep::Field(name) => self.nodes[at].field(name),
            PathStep::Index(index) => self.nodes[at].item(*index),
        }
    }
}

impl TreeNode {
    /// The node behind the field of this name.
    pub fn field(&self, name: &str) -> Option<usize> {
        let found = self.fields.iter().find(|(field, _)| field == name)?;
        Some(found.1)
    }

    /// The node behind the item of this number.
    pub fn item(&self, index: usize) -> Option<usize> {
        let found = self.items.iter().find(|(item, _)| *item == index)?;
        Some(found.1)
    }

    /// Whether anything is wanted within an object here.
    pub fn wants_fields(&self) -> bool {
        !self.fields.is_empty()
    }

    /// Whether anything is wanted within an array here.
    pub fn wants_items(&self) -> bool {
        !self.items.is_empty()
    }
}
