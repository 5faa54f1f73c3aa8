//! Records of two forms in one topic: the mapping reads one of them, and the other has its second chances by another one.

use super::*;

#[test]
fn records_of_another_form_count_by_a_mapping_that_holds_for_one_run() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("forms");
    kafka.create_topic(&name, 3);
    let paid = messages(300);
    let other = |(at, message): (usize, &Message)| {
        let mut message = message.clone();
        if at % 10 == 0
            && let Some(payload) = &message.payload
        {
            let payload = String::from_utf8(payload.clone()).unwrap();
            message.payload = Some(payload.replace("payAmount", "amt").into_bytes());
        }
        message
    };
    kafka.send(&name, paid.iter().enumerate().map(other));
    let setup = Setup::of(kafka, &name).with("event_time", "zero_windows", "false");
    setup.serve_until_end();
    let before = inspected(&setup)["keys"]["rejects"].as_u64().unwrap();
    let again = ["rejects", "replay", "--adopt-rules", "--list", "rejects"];
    let once = ["--set", "payment.amount=amt", "-o", "json"];
    let report = setup.run_json(&[&again[..], &once].concat());
    let counted = |(fate, count): (&(String, String, String), &u64)| match fate.2.as_str() {
        "rejected" => 0,
        _ => *count,
    };
    let some: u64 = fates(&report).iter().map(counted).sum();
    assert!((20..=30).contains(&some), "{report}");
    // Back to the configured rules, by which none of them is a payment.
    let back = setup.run_json(&[&again[..], &["-o", "json"]].concat());
    assert_eq!(fates(&back).iter().map(counted).sum::<u64>(), 0, "{back}");
    assert_eq!(back["records"], before - some);
    // As if all had been of one form.
    let name = unique("one-form");
    kafka.create_topic(&name, 3);
    kafka.send(&name, paid);
    let alike = Setup::of(kafka, &name).with("event_time", "zero_windows", "false");
    alike.serve_until_end();
    let totals = |setup: &Setup| setup.serve().ask("totals")["totals"].clone();
    assert_eq!(totals(&setup), totals(&alike));
}
