//! The client's side of SCRAM (RFC 5802, RFC 7677), without channel binding.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ring::rand::SecureRandom;
use ring::{digest, hmac, pbkdf2, rand};

/// The hash of a mechanism.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ScramHash {
    Sha256,
    Sha512,
}

/// A conversation.
pub(super) struct Scram {
    hash: ScramHash,
    password: String,
    nonce: String,
    /// The client's first words, without what says that channels are not bound.
    first: String,
    step: ScramStep,
}

enum ScramStep {
    First,
    /// What the client says last, and the signature by which the broker proves that it knows the password.
    Last(String, Vec<u8>),
    /// The signature is waited for.
    Proof(Vec<u8>),
    Done,
}

/// RFC 7677 allows no fewer rounds: a false broker could try passwords with little work. More than the greatest would take
/// minutes.
const ROUNDS: std::ops::RangeInclusive<u32> = 4_096..=10_000_000;
/// "No channel is bound", in base64.
const NO_CHANNEL: &str = "biws";

impl Scram {
    /// Begins a conversation.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn begin(hash: ScramHash, user: &str, password: &str) -> Result<Self, String> {
        let mut random = [0; 24];
        rand::SystemRandom::new()
            .fill(&mut random)
            .map_err(|_| "the system has no random numbers".to_owned())?;
        Ok(Self::with_nonce(
            hash,
            user,
            password,
            STANDARD.encode(random),
        ))
    }

    fn with_nonce(hash: ScramHash, user: &str, password: &str, nonce: String) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Self {
            hash,
            password: password.to_owned(),
            first: format!("n={user},r={nonce}"),
            nonce,
            step: ScramStep::First,
        }
    }

    /// What to say next; `None` once all is said.
    pub(super) fn next_words(&mut self) -> Option<Bytes> {
        match std::mem::replace(&mut self.step, ScramStep::Done) {
            ScramStep::First => {
                self.step = ScramStep::First;
                Some(format!("n,,{}", self.first).into())
            }
            ScramStep::Last(words, signature) => {
                self.step = ScramStep::Proof(signature);
                Some(words.into())
            }
            ScramStep::Proof(_) | ScramStep::Done => None,
        }
    }

    /// What the broker answered.
    ///
    /// # Errors
    /// When it is not valid, or does not prove that the broker knows the password.
    pub(super) fn hear(&mut self, words: &[u8]) -> Result<(), String> {
        let words = std::str::from_utf8(words).map_err(|_| NOT_VALID.to_owned())?;
        if let Some(error) = words.strip_prefix("e=") {
            return Err(error.to_owned());
        }
        match std::mem::replace(&mut self.step, ScramStep::Done) {
            ScramStep::First => {
                self.step = self.answer(words).ok_or(NOT_VALID)?;
                Ok(())
            }
            ScramStep::Proof(signature) => {
                let given = words.strip_prefix("v=").map(|text| STANDARD.decode(text));
                match given {
                    Some(Ok(given)) if given == signature => Ok(()),
                    _ => Err("it does not know the password itself".to_owned()),
                }
            }
            ScramStep::Last(..) | ScramStep::Done => Err(NOT_VALID.to_owned()),
        }
    }

    fn answer(&self, challenge: &str) -> Option<ScramStep> {
        let field = |name: &str| {
            challenge
                .split(',')
                .find_map(|field| field.strip_prefix(name))
        };
        let nonce = field("r=").filter(|nonce| nonce.starts_with(&self.nonce))?;
        let salt = STANDARD.decode(field("s=")?).ok()?;
        let rounds: u32 = field("i=")?.parse().ok()?;
        let rounds = NonZeroU32::new(rounds).filter(|rounds| ROUNDS.contains(&rounds.get()))?;
        let mut salted = vec![0; self.hash.digest().output_len()];
        let password = self.password.as_bytes();
        pbkdf2::derive(self.hash.pbkdf2(), rounds, &salt, password, &mut salted);
        let last = format!("c={NO_CHANNEL},r={nonce}");
        let all = format!("{},{challenge},{last}", self.first);
        let client_key = self.sign(&salted, "Client Key");
        let stored_key = digest::digest(self.hash.digest(), &client_key);
        let signature = self.sign(stored_key.as_ref(), &all);
        let proof: Vec<u8> = client_key
            .iter()
            .zip(&signature)
            .map(|(a, b)| a ^ b)
            .collect();
        let server_key = self.sign(&salted, "Server Key");
        Some(ScramStep::Last(
            format!("{last},p={}", STANDARD.encode(proof)),
            self.sign(&server_key, &all),
        ))
    }

    fn sign(&self, key: &[u8], text: &str) -> Vec<u8> {
        let key = hmac::Key::new(self.hash.hmac(), key);
        hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
    }
}

const NOT_VALID: &str = "what it said while logging in is not valid";

impl ScramHash {
    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    // The example of RFC 7677, section 3.
    fn example() -> Scram {
        let nonce = "rOprNGfwEbeRWgbNEkqO".to_owned();
        Scram::with_nonce(ScramHash::Sha256, "user", "pencil", nonce)
    }

    const CHALLENGE: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                             s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    #[test]
    fn the_words_are_those_of_the_example_of_the_standard() {
        let mut scram = example();
        let first = scram.next_words().unwrap();
        assert_eq!(first, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        scram.hear(CHALLENGE.as_bytes()).unwrap();
        assert_eq!(
            scram.next_words().unwrap(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        let proof = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        scram.hear(proof).unwrap();
        assert_eq!(scram.next_words(), None);
    }

    #[test]
    fn a_broker_that_does_not_know_the_password_is_not_talked_to() {
        for proof in ["v=AAAA", "v=", "e=other-error", ""] {
            let mut scram = example();
            scram.next_words().unwrap();
            scram.hear(CHALLENGE.as_bytes()).unwrap();
            scram.next_words().unwrap();
            assert!(scram.hear(proof.as_bytes()).is_err(), "{proof}");
        }
    }

    #[test]
    fn a_challenge_that_is_not_valid_is_refused() {
        for challenge in [
            "",
            "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqO1,s=?,i=4096",
            "r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095",
            "r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4000000000",
        ] {
            let mut scram = example();
            scram.next_words().unwrap();
            assert!(scram.hear(challenge.as_bytes()).is_err(), "{challenge}");
        }
    }
}
