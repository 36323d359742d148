//! The paths a Rust source names, without parsing more of it than that.

/// A path as the source names it.
pub(crate) struct Named {
    pub(crate) segments: Vec<String>,
    /// The `as` name, in an import.
    pub(crate) alias: Option<String>,
    pub(crate) imported: bool,
    pub(crate) line: usize,
}

impl Named {
    pub(crate) fn starts_with(&self, segments: &[&str]) -> bool {
        self.segments.len() >= segments.len() && self.segments[..segments.len()] == *segments
    }
}

/// The paths in a source, and the lines on which it waits for something.
#[derive(Default)]
pub(crate) struct Read {
    pub(crate) paths: Vec<Named>,
    pub(crate) waits: Vec<usize>,
}

impl Read {
    pub(crate) fn new(source: &str) -> Read {
        let tokens = without_tests(&tokens(source));
        let mut read = Read::default();
        let mut at = 0;
        while at < tokens.len() {
            match tokens[at].text.as_str() {
                "use" => {
                    at += 1;
                    read.tree(&tokens, &mut at, &[], true);
                }
                "async" | "await" => {
                    read.waits.push(tokens[at].line);
                    at += 1;
                }
                // A method or a field begins no path.
                "." => {
                    at += if word(&tokens, at + 1) && !is(&tokens, at + 1, "await") {
                        2
                    } else {
                        1
                    }
                }
                _ if word(&tokens, at) => read.tree(&tokens, &mut at, &[], false),
                _ => at += 1,
            }
        }
        read
    }

    /// Reads one path, or one `use` tree with all its branches, from `at` on.
    fn tree(&mut self, tokens: &[Token], at: &mut usize, before: &[String], imported: bool) {
        let line = tokens.get(*at).map_or(0, |token| token.line);
        let mut segments = before.to_vec();
        if is(tokens, *at, "::") {
            *at += 1;
        }
        while word(tokens, *at) || is(tokens, *at, "*") && !segments.is_empty() {
            segments.push(tokens[*at].text.clone());
            *at += 1;
            if !is(tokens, *at, "::") {
                break;
            }
            *at += 1;
        }
        if imported && is(tokens, *at, "{") {
            *at += 1;
            while *at < tokens.len() && !is(tokens, *at, "}") {
                let start = *at;
                self.tree(tokens, at, &segments, true);
                if is(tokens, *at, ",") || *at == start {
                    *at += 1;
                }
            }
            *at += 1;
            return;
        }
        let mut alias = None;
        if imported && is(tokens, *at, "as") {
            alias = tokens.get(*at + 1).map(|token| token.text.clone());
            *at += 2;
        }
        if segments.last().is_some_and(|last| last == "self") && segments.len() > 1 {
            segments.pop();
        }
        self.paths.push(Named {
            segments,
            alias,
            imported,
            line,
        });
    }
}

struct Token {
    text: String,
    line: usize,
}

fn is(tokens: &[Token], at: usize, text: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.text == text)
}

fn word(tokens: &[Token], at: usize) -> bool {
    tokens.get(at).is_some_and(|token| {
        token
            .text
            .starts_with(|first: char| first.is_alphabetic() || first == '_')
    })
}

/// Words, `::` and single signs. Comments, strings and characters are left out.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    let next = |at: usize| chars.get(at).copied().unwrap_or('\0');
    while at < chars.len() {
        let start = at;
        match chars[at] {
            '/' if next(at + 1) == '/' => at += chars[at..].iter().take_while(|&&sign| sign != '\n').count(),
            '/' if next(at + 1) == '*' => at = end_of_comment(&chars, at),
            '"' => at = end_of_string(&chars, at),
            'r' | 'b' | 'c' if raw_hashes(&chars, at).is_some() => at = end_of_raw(&chars, at),
            '\'' if next(at + 1) == '\\' => {
                at += 3;
                at += chars[at.min(chars.len())..]
                    .iter()
                    .take_while(|&&sign| sign != '\'')
                    .count()
                    + 1;
            }
            '\'' if next(at + 2) == '\'' => at += 3,
            '\'' => {
                at += 1;
                at += chars[at..]
                    .iter()
                    .take_while(|sign| sign.is_alphanumeric())
                    .count();
            }
            first if first.is_alphanumeric() || first == '_' => {
                at += chars[at..]
                    .iter()
                    .take_while(|&&sign| sign.is_alphanumeric() || sign == '_')
                    .count();
                tokens.push(Token {
                    text: chars[start..at].iter().collect(),
                    line,
                });
            }
            ':' if next(at + 1) == ':' => {
                at += 2;
                tokens.push(Token {
                    text: "::".to_owned(),
                    line,
                });
            }
            sign => {
                at += 1;
                if !sign.is_whitespace() {
                    tokens.push(Token {
                        text: sign.to_string(),
                        line,
                    });
                }
            }
        }
        at = at.min(chars.len());
        line += chars[start..at].iter().filter(|&&sign| sign == '\n').count();
    }
    tokens
}

fn end_of_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn end_of_string(chars: &[char], mut at: usize) -> usize {
    at += 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// How many `#` a raw string that begins here has, and where its quote is.
fn raw_hashes(chars: &[char], at: usize) -> Option<(usize, usize)> {
    let mut quote = at + usize::from(chars[at] != 'r');
    if chars.get(quote) != Some(&'r') {
        return None;
    }
    quote += 1;
    let hashes = chars[quote..].iter().take_while(|&&sign| sign == '#').count();
    (chars.get(quote + hashes) == Some(&'"')).then_some((hashes, quote + hashes))
}

fn end_of_raw(chars: &[char], at: usize) -> usize {
    let (hashes, quote) = raw_hashes(chars, at).unwrap_or_default();
    let mut end = quote + 1;
    while end < chars.len() {
        if chars[end] == '"'
            && chars[end + 1..]
                .iter()
                .take(hashes)
                .filter(|&&sign| sign == '#')
                .count()
                == hashes
        {
            return end + 1 + hashes;
        }
        end += 1;
    }
    end
}

/// Leaves out each item that stands under `#[cfg(test)]`.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mark = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut depth, mut skipping) = (Vec::new(), 0, false);
    let mut at = 0;
    while at < tokens.len() {
        if !skipping && (0..mark.len()).all(|offset| is(tokens, at + offset, mark[offset])) {
            (skipping, depth) = (true, 0);
            at += mark.len();
            continue;
        }
        let token = &tokens[at];
        if skipping {
            match token.text.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            skipping = !(depth == 0 && ["}", ";"].contains(&token.text.as_str()));
        } else {
            kept.push(Token {
                text: token.text.clone(),
                line: token.line,
            });
        }
        at += 1;
    }
    kept
}
