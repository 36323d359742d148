//! Every answer is read, in whatever pieces it comes, and nothing else is.

use proptest::prelude::*;

use super::*;

fn whole(text: &[u8], number: Option<u32>, answer: Answer) {
    assert_eq!(parse(text), Ok(Some((Reply { number, answer }, text.len()))));
}

#[test]
fn what_memcached_answers_is_read() {
    // As 1.6.18 writes them.
    whole(b"HD c14 O7\r\n", Some(7), Answer::Done { cas: Some(14) });
    whole(b"HD O7\r\n", Some(7), Answer::Done { cas: None });
    whole(
        b"VA 4 c3 O7\r\na\r\nb\r\n",
        Some(7),
        Answer::Value {
            cas: 3,
            is_over: false,
            data: b"a\r\nb".to_vec(),
        },
    );
    whole(b"EN\r\n", None, Answer::Missing);
    whole(b"NF c0 O9\r\n", Some(9), Answer::Missing);
    whole(b"EX c0 O8\r\n", Some(8), Answer::Refused);
    whole(b"NS c0 O7\r\n", Some(7), Answer::Refused);
    whole(b"MN\r\n", None, Answer::Noop);
    whole(
        b"VA 2 c8 O7\r\n10\r\n",
        Some(7),
        Answer::Value {
            cas: 8,
            is_over: false,
            data: b"10".to_vec(),
        },
    );
    for (left, is_over) in [("-1", false), ("86400", false), ("0", true), ("4294967235", true)] {
        whole(
            format!("VA 1 c8 t{left} O7\r\n1\r\n").as_bytes(),
            Some(7),
            Answer::Value {
                cas: 8,
                is_over,
                data: b"1".to_vec(),
            },
        );
    }
    whole(
        b"SERVER_ERROR Out of memory allocating new item\r\n",
        None,
        Answer::OutOfMemory,
    );
    whole(
        b"SERVER_ERROR object too large for cache\r\n",
        None,
        Answer::TooLarge,
    );
    whole(
        b"SERVER_ERROR out of memory storing object\r\n",
        None,
        Answer::OutOfMemory,
    );
}

#[test]
fn anything_else_is_a_violation() {
    for wrong in [
        b"HD\n".as_slice(),
        b"\r\n",
        b"HD cx\r\n",
        b"HD O-1\r\n",
        b"HD O4294967296\r\n",
        b"HD O\r\n",
        b"HD c+1\r\n",
        b"HD c18446744073709551616\r\n",
        b"VA\r\n",
        b"VA 3\r\nabc\r\n",
        b"VA 3 c1\r\nabcd\r\n",
        b"VA -3 c1\r\nabc\r\n",
        b"VA 99999999999 c1\r\n",
        b"VALUE k 0 3\r\nabc\r\nEND\r\n",
        b"STORED\r\n",
        b"ERROR\r\n",
        b"CLIENT_ERROR bad command line format\r\n",
        b"SERVER_ERROR out of memory writing get response\r\n",
        b"hd\r\n",
        b"\xff\r\n",
        &[b'x'; LONGEST_LINE + 1],
    ] {
        assert!(parse(wrong).is_err(), "{:?}", String::from_utf8_lossy(wrong));
    }
}

#[test]
fn only_a_reported_error_is_repeated() {
    let text = |line: &[u8]| parse(line).unwrap_err().to_string();
    assert!(text(b"CLIENT_ERROR unauthenticated\r\n").contains("unauthenticated"));
    assert!(!text(b"somebody's data\r\n").contains("somebody"));
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        any::<Option<u64>>().prop_map(|cas| Answer::Done { cas }),
        (any::<u64>(), proptest::collection::vec(any::<u8>(), 0..100)).prop_map(|(cas, data)| {
            Answer::Value {
                cas,
                is_over: false,
                data,
            }
        }),
        Just(Answer::Missing),
        Just(Answer::Refused),
    ]
}

/// The bytes of an answer, as a server writes them.
fn bytes(Reply { number, answer }: &Reply) -> Vec<u8> {
    let mut head = match answer {
        Answer::Done { .. } => "HD".to_owned(),
        Answer::Value { data, .. } => format!("VA {}", data.len()),
        Answer::Missing => "NF".to_owned(),
        _ => "EX".to_owned(),
    };
    if let Answer::Done { cas: Some(cas) } | Answer::Value { cas, .. } = answer {
        head += &format!(" c{cas}");
    }
    if let Some(number) = number {
        head += &format!(" O{number}");
    }
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(b"\r\n");
    if let Answer::Value { data, .. } = answer {
        bytes.extend_from_slice(data);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

proptest! {
    #[test]
    fn answers_are_read_one_after_the_other(
        answers in proptest::collection::vec((any::<Option<u32>>(), answer()), 1..10),
    ) {
        let replies: Vec<_> = answers.into_iter().map(|(number, answer)| Reply { number, answer }).collect();
        let bytes: Vec<u8> = replies.iter().flat_map(bytes).collect();
        let mut read = Vec::new();
        let mut at = 0;
        while let Some((reply, length)) = parse(&bytes[at..]).unwrap() {
            read.push(reply);
            at += length;
        }
        prop_assert_eq!(at, bytes.len());
        prop_assert_eq!(read, replies);
    }

    #[test]
    fn a_piece_of_an_answer_is_waited_for(number in any::<Option<u32>>(), answer in answer(),
                                          cut in any::<proptest::sample::Index>()) {
        let bytes = bytes(&Reply { number, answer });
        prop_assert_eq!(parse(&bytes[..cut.index(bytes.len())]), Ok(None));
    }

    #[test]
    fn any_bytes_are_read_refused_or_waited_for(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(Some((_, length))) = parse(&bytes) {
            prop_assert!(length <= bytes.len());
        }
    }
}
