//! Stored bytes: whatever they are, they are refused or read as one value, which is written and read again as the
//! same; and what is merged on bytes is what is merged on values.

use tidegauge::store::fuzzing::{VALUES, key_again, merge, read};

/// An input is a byte that says which value it is, and then the bytes of that value.
pub fn run(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else {
        return;
    };
    if let Some(again) = key_again(bytes) {
        assert_eq!(again, bytes, "a key has one form");
    }
    // All kinds, as nothing in the bytes says which they are; and the one that mutation aims at.
    let name = VALUES[usize::from(*kind) % VALUES.len()];
    for name in VALUES
        .into_iter()
        .filter(|known| *known == name || bytes.len() < 64)
    {
        let Some(value) = read(name, bytes) else {
            continue;
        };
        // A state of an older form is written in the newer one, and means the same.
        let again = value.again.as_deref();
        assert_eq!(again, Some(value.value.as_str()), "{name}");
        // What is written has one form, and no byte of it can be left out.
        let second = read(name, &value.written).unwrap();
        assert_eq!(second.written, value.written, "{name}");
        for end in 0..value.written.len().min(64) {
            assert_eq!(
                read(name, &value.written[..end]),
                None,
                "{name} cut at {end}"
            );
        }
    }
    merged(bytes);
}

fn merged(cell: &[u8]) {
    // Counts of damaged cells may be near the end of their range; those of payments never are.
    let amounts = [(1, false), (-5, true), (i128::from(i64::MAX), false)];
    let Some(known) = read("summary", cell) else {
        return;
    };
    let count = first_number(&known.written);
    if count > u64::MAX / 2 {
        return;
    }
    // Bins without payments are read, and never written.
    let cell = known.written.as_slice();
    for amounts in [&amounts[..0], &amounts[..1], &amounts[..]] {
        let (merged, plain) = merge(cell, amounts);
        assert!(merged.is_some(), "{cell:02x?}");
        assert_eq!(merged, plain, "{cell:02x?}");
    }
}

/// The number that a value begins with.
fn first_number(bytes: &[u8]) -> u64 {
    let digits = bytes.iter().take_while(|byte| **byte >= 0x80).count();
    let digits = bytes.iter().take(digits + 1).rev();
    digits.fold(0_u64, |number, byte| {
        number.wrapping_shl(7) | u64::from(byte & 0x7f)
    })
}
