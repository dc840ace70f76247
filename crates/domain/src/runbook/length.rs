//! Measured lengths of time, as people read them: `0.3s`, `24s`, `2m 10s`, `1h 5m`.

use crate::Span;

/// A length in at most two units.
#[must_use]
pub fn length(span: Span) -> String {
    let millis = span.millis();
    let seconds = millis / 1_000;
    match seconds {
        0..10 => format!("{}.{}s", seconds, millis % 1_000 / 100),
        10..60 => format!("{seconds}s"),
        60..3_600 => two(seconds / 60, "m", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "m"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

fn two(large: u64, unit: &str, small: u64, smaller: &str) -> String {
    match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit} {small}{smaller}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_at_most_two_units() {
        let told = |millis| length(Span::from_millis(millis));
        assert_eq!(told(340), "0.3s");
        assert_eq!(told(24_900), "24s");
        assert_eq!(told(130_000), "2m 10s");
        assert_eq!(told(360_000), "6m");
        assert_eq!(told(3_900_000), "1h 5m");
        assert_eq!(told(90_000_000), "1d 1h");
    }
}
