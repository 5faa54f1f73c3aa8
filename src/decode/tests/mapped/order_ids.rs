//! Order ids that are put together.

use super::*;
use crate::domain::payment::OrderId;

fn by(template: &str) -> Decoding {
    Decoding::by(MappingSettings {
        order_id: Some(KeyPlaces::Several(template.parse().unwrap())),
        ..short()
    })
}

fn id(decoding: &mut Decoding, fields: &str) -> Option<OrderId> {
    let value = format!(r#"{{"at":0,"sum":1,"shop":"B",{fields}}}"#);
    match decoding.value(&value) {
        Decoded::Payment(payment) => payment.order_id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_other_values_give_the_same_order_id() {
    let mut decoding = by("{no}:{type}");
    let ids = [
        r#""no":"a","type":"b:c""#,
        r#""no":"a:b","type":"c""#,
        r#""no":"a:","type":"b:c""#,
        r#""no":"1:a","type":"b""#,
        r#""no":"a","type":"b""#,
        r#""no":"b","type":"a""#,
    ];
    let ids = ids.map(|fields| id(&mut decoding, fields).unwrap());
    for (at, one) in ids.iter().enumerate() {
        assert!(!ids[..at].contains(one), "{at}");
    }
    let again = id(&mut decoding, r#""type":"b","no":"a""#);
    assert_eq!(again, Some(ids[4]));
    // As in a branch, an integer is its digits.
    let digits = [r#""no":7,"type":1"#, r#""no":"7","type":"1""#];
    let digits = digits.map(|fields| id(&mut decoding, fields));
    assert_eq!(digits[0], digits[1]);
}

#[test]
fn without_one_of_its_values_there_is_no_order_id() {
    let mut decoding = by("{no}:{type}");
    for fields in [
        r#""no":"a""#,
        r#""no":null,"type":"b""#,
        r#""no":"","type":"b""#,
        r#""other":1"#,
    ] {
        assert_eq!(id(&mut decoding, fields), None, "{fields}");
    }
    let said = decoding.detail(r#"{"at":0,"sum":1,"shop":"B","no":"a","type":1.5}"#);
    assert_eq!(
        said,
        "bad_field: type 1.5 is not an integer or a text; leave it out or give one"
    );
}
