//! What a server says of itself, in the sections of `INFO`.

use std::borrow::Cow;

use redis::Value;

/// Whether a section has this field with this value.
pub(super) fn says(section: &Value, field: &str, value: &str) -> bool {
    text(section)
        .lines()
        .any(|line| line.trim_end().split_once(':') == Some((field, value)))
}

/// Whether a server may drop what it keeps, by its section on memory. What it does not say, or may not tell us, it does not
/// promise.
pub(super) fn evicts(memory: &Value) -> bool {
    !says(memory, "maxmemory_policy", "noeviction")
}

/// The number of the run of a server, by its section on itself.
pub(super) fn run(server: &Value) -> u64 {
    let text = text(server);
    let run = text.lines().find_map(|line| line.strip_prefix("run_id:"));
    let digits = run.and_then(|run| run.get(..16));
    digits
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .unwrap_or(0)
}

fn text(section: &Value) -> Cow<'_, str> {
    match section {
        Value::BulkString(text) => String::from_utf8_lossy(text),
        // As the connection that feeds a cache is told, which speaks RESP3.
        Value::VerbatimString { text, .. } => text.into(),
        _ => "".into(),
    }
}

#[cfg(test)]
mod tests {
    use redis::VerbatimFormat;

    use super::*;

    #[test]
    fn a_server_evicts_unless_it_says_that_it_does_not() {
        let section = |policy| format!("# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:{policy}\r\n");
        for (memory, expected) in [
            (Value::BulkString(section("noeviction").into()), false),
            (
                Value::VerbatimString {
                    format: VerbatimFormat::Text,
                    text: section("noeviction"),
                },
                false,
            ),
            (Value::BulkString(section("allkeys-lru").into()), true),
            (Value::BulkString(section("volatile-ttl").into()), true),
            (Value::BulkString(Vec::new()), true),
            (Value::Nil, true),
        ] {
            assert_eq!(evicts(&memory), expected, "{memory:?}");
        }
    }
}
