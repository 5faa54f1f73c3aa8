//! Keys that are replaced while documents go.

use std::fs;

use tidegauge::domain::secret::Secret;
use tidegauge::sink::Credentials;

use super::front::Front;
use super::till::{MINUTE, NOVEMBER, Till, config};

#[test]
fn a_key_that_is_not_valid_yet_does_not_replace_one_that_is() {
    let mut till = Till::new();
    let front = Front::start(&till, []);
    // The service asks for this again and again, and is denied each time.
    front.accept("one", "/_aliases");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "one").unwrap();
    let mut config = config(&front.url());
    config.credentials = Credentials::ApiKey(Secret::new("one"));
    config.secret_file = Some(file.path().into());
    let mut minute = 0;
    let mut pay = |till: &mut Till| {
        till.pay(NOVEMBER + minute * MINUTE, 3, "1");
        till.commit();
        minute += 1;
    };
    pay(&mut till);
    let sink = till.deliver(&config);
    till.await_delivery();

    fs::write(file.path(), "two").unwrap();
    till.await_that("that the new key is tried", || {
        front.requests().contains(&"401 ApiKey two".to_owned())
    });
    pay(&mut till);
    till.await_delivery();
    assert!(!sink.reason().contains("401"), "{}", sink.reason());

    front.accept("two", "/_aliases");
    pay(&mut till);
    till.await_delivery();
    till.stop(sink);
}
