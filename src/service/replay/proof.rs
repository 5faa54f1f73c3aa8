//! Whether a generation is proven to have the figures of the live one.

use super::{Error, Report};

/// Whether a generation is proven to have the figures of the live one. Nothing else than a
/// comparison makes it more than [`Proof::None`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Proof {
    /// At the positions that both had reached, it has every figure of the live one.
    Equal,
    /// So many figures were different there.
    Differs(u64),
    /// Nothing is known, for this reason.
    None(String),
}

impl Proof {
    /// The proof that `report` gives of its generation while `live` is live.
    #[must_use]
    pub fn of(report: &Report, live: u32) -> Self {
        let Some(comparison) = &report.comparison else {
            let reason = report.not_compared.clone();
            return Self::None(reason.unwrap_or_else(|| "it was not compared".to_owned()));
        };
        let with = report.compared_with();
        if with != live {
            return Self::None(format!(
                "it was compared with generation {with}, and generation {live} is live"
            ));
        }
        if comparison.differences > 0 {
            return Self::Differs(comparison.differences);
        }
        if !comparison.live_windows_not_compared.is_empty() {
            return Self::None(format!(
                "the windows {} of the live generation are not in it, or not the same",
                comparison.live_windows_not_compared.join(", ")
            ));
        }
        Self::Equal
    }

    /// Its name: `equal`, `differs` or `none`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Differs(_) => "differs",
            Self::None(_) => "none",
        }
    }

    /// Whether `generation` may be made live by this proof.
    ///
    /// # Errors
    /// When it differs, or nothing is known.
    pub fn demand(self, generation: u32) -> Result<(), Error> {
        match self {
            Self::Equal => Ok(()),
            Self::Differs(differences) => Err(Error::Differs {
                generation,
                differences,
            }),
            Self::None(reason) => Err(Error::Unproven { generation, reason }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::service::replay::Comparison;

    fn report(differences: u64) -> Report {
        Report {
            comparison: Some(Comparison {
                differences,
                ..Comparison::default()
            }),
            ..Report::begun(3, 2)
        }
    }

    #[test]
    fn only_a_comparison_with_the_live_generation_proves_anything() {
        assert_eq!(Proof::of(&report(0), 2), Proof::Equal);
        assert_eq!(Proof::of(&report(5), 2), Proof::Differs(5));
        // After a rollback another generation is live.
        assert!(matches!(Proof::of(&report(0), 1), Proof::None(_)));
        let Proof::None(reason) = Proof::of(&Report::begun(3, 2), 2) else {
            panic!("nothing was compared")
        };
        assert_eq!(reason, "it was not compared");
    }

    #[test]
    fn a_report_without_a_comparison_keeps_the_one_before() {
        let mut next = Report::begun(3, 1);
        next.not_compared = Some("it is ahead".to_owned());
        next.keep_proof_of(report(5));
        assert_eq!(Proof::of(&next, 2), Proof::Differs(5));
        assert!(matches!(Proof::of(&next, 1), Proof::None(_)));
        assert_eq!(next.not_compared.as_deref(), Some("it is ahead"));

        let mut compared = report(0);
        compared.keep_proof_of(report(5));
        assert_eq!(Proof::of(&compared, 2), Proof::Equal);
    }
}
