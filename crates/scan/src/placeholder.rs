//! Values that have a token's form and are made up: nobody could be harmed by them.

/// UUIDs that stand in standards and in half of the world's documentation, as hexadecimal digits.
const WELL_KNOWN: [&str; 9] = [
    // RFC 4122 and RFC 9562: the namespaces and the examples.
    "6ba7b8109dad11d180b400c04fd430c8",
    "6ba7b8119dad11d180b400c04fd430c8",
    "6ba7b8129dad11d180b400c04fd430c8",
    "6ba7b8149dad11d180b400c04fd430c8",
    "f81d4fae7dec11d0a76500a0c91e6bf6",
    "919108f752d133205bacf847db4148a8",
    "017f22e279b07cc398c4dc0c0c07398f",
    // The example of Wikipedia and of many languages' libraries.
    "550e8400e29b41d4a716446655440000",
    "123e4567e89b12d3a456426614174000",
];

/// A random value of 32 hexadecimal digits has fewer different ones with a chance of 1 in 300,000.
const DIGITS_MIN: usize = 9;
/// A random value has a longer run of one digit with a chance of 1 in 2,000.
const RUN_MAX: usize = 4;
/// A random value has a longer run of digits that go up or down by one with a chance of 1 in
/// 20,000.
const STAIRS_MAX: usize = 5;

/// Whether a value is made up. It is ASCII and has one of the forms.
pub(crate) fn made_up(value: &[u8]) -> bool {
    let body = value.strip_prefix(b"HRKU-").unwrap_or(value);
    let body: Vec<u8> =
        body.iter().filter(|byte| **byte != b'-').map(u8::to_ascii_lowercase).collect();
    if WELL_KNOWN.iter().any(|known| known.as_bytes() == body) {
        return true;
    }
    let mut seen = [false; 256];
    body.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    if seen.iter().filter(|seen| **seen).count() < DIGITS_MIN {
        return true;
    }
    longest(&body, |a, b| a == b) > RUN_MAX
        || longest(&body, follows) > STAIRS_MAX
        || longest(&body, |a, b| follows(b, a)) > STAIRS_MAX
        || told(&body)
}

/// Whether the value says in words that it is none.
fn told(body: &[u8]) -> bool {
    const WORDS: [&[u8]; 8] = [
        b"example",
        b"placeholder",
        b"yourtoken",
        b"changeme",
        b"xxxxx",
        b"redacted",
        b"deadbeef",
        b"dummy",
    ];
    WORDS.iter().any(|word| memchr::memmem::find(body, word).is_some())
}

/// The longest run of neighbours that belong together.
fn longest(body: &[u8], together: impl Fn(u8, u8) -> bool) -> usize {
    let (mut longest, mut run) = (1, 1);
    for pair in body.windows(2) {
        run = if together(pair[0], pair[1]) { run + 1 } else { 1 };
        longest = longest.max(run);
    }
    longest
}

/// Whether a digit is the one before another, as hexadecimal digits go round.
fn follows(before: u8, after: u8) -> bool {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    match (digit(before), digit(after)) {
        (Some(before), Some(after)) => (before + 1) % 16 == after || (before == 9 && after == 0),
        _ => after == before.wrapping_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_make_up() {
        for value in [
            "00000000-0000-0000-0000-000000000000",
            "11111111-2222-3333-4444-555555555555",
            "12345678-1234-1234-1234-123456789012",
            "01234567-89ab-cdef-0123-456789abcdef",
            "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "550e8400-e29b-41d4-a716-446655440000",
            "deadbeef-1c0f-4a57-92d3-7e6b5f0a1c94",
            "00000000-0000-4000-8000-000000000001",
            "abcdef12-3456-7890-abcd-ef1234567890",
        ] {
            assert!(made_up(value.as_bytes()), "{value}");
        }
        assert!(made_up(format!("HRKU-{}", "a".repeat(60)).as_bytes()));
        assert!(made_up(format!("HRKU-EXAMPLE{}", "k3Jx9".repeat(11)).as_bytes()));
        assert!(!made_up(b"3d1c9a70-5b2e-4f86-9c04-7ae1b05d62f3"));
    }
}
