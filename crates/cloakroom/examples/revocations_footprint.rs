//! Measures what marks of sealed sessions cost a node: its memory, what a refresh takes, and what a request does.
//!
//! ```text
//! cargo run --release --example revocations_footprint -- 1000000
//! ```

use std::time::{Duration, Instant, SystemTime};
use std::{env, fs};

use cloakroom::store::{
    Capabilities, Cursor, Error, Id, Mark, Marks, MarksOf, News, SetMark, Subject, Sweep, Swept,
};
use cloakroom::store::{Residence, Timestamp, Told};
use cloakroom::{KeyRing, Outcome, Revocations, ServerKey, Sessions};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let marks = env::args()
        .nth(1)
        .map_or(1_000_000, |text| text.parse().expect("a number of marks"));
    let until = Timestamp::from(SystemTime::now()).saturating_add(Duration::from_secs(86_400));
    let revocations = Revocations::new(Counting { marks, until }).expect("it is elsewhere");
    let key = ServerKey::generate().expect("there is randomness");
    let sessions = Sessions::sealed(KeyRing::new(key), revocations);
    let visitor = sessions.open(std::iter::empty()).await.expect("a visitor");
    visitor.sign_in("alice").expect("alice is somebody");
    let line = sessions
        .finish(&visitor, Outcome::Success)
        .await
        .set_cookie
        .expect("a cookie");
    let cookie = line.split(';').next().expect("a pair").to_owned();
    println!("{:>28} {:>12} bytes", "a cookie without data", cookie.len());

    let empty = resident();
    let began = Instant::now();
    sessions
        .open([cookie.as_bytes()].into_iter())
        .await
        .expect("it opens");
    println!("{:>28} {:>12?}", format!("{marks} marks read"), began.elapsed());
    let bytes = resident().saturating_sub(empty);
    println!(
        "{:>28} {bytes:>12} bytes, {:.1} each",
        "resident",
        bytes as f64 / marks as f64
    );

    const REQUESTS: u32 = 200_000;
    let began = Instant::now();
    for _ in 0..REQUESTS {
        sessions
            .open([cookie.as_bytes()].into_iter())
            .await
            .expect("it opens");
    }
    println!("{:>28} {:>12?}", "a session opened", began.elapsed() / REQUESTS);
}

/// As many marks as were asked for, made up as they are told.
#[derive(Clone)]
struct Counting {
    marks: u64,
    until: Timestamp,
}

impl Marks for Counting {
    async fn mark(&self, request: SetMark) -> Result<Mark, Error> {
        Ok(request.mark)
    }

    async fn marks_of(&self, _: MarksOf) -> Result<Timestamp, Error> {
        Ok(Timestamp::default())
    }

    async fn news(&self, request: News) -> Result<Told, Error> {
        let from = request.after.map_or(0, |cursor| {
            u64::from_be_bytes(cursor.as_bytes().try_into().expect("a cursor of ours"))
        });
        let to = self.marks.min(from + request.limit.get() as u64);
        let mark = |number: u64| {
            // Spread as random ids are.
            let mut id = [0; 16];
            id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
            id[8..].copy_from_slice(&number.wrapping_mul(0xd1b5_4a32_d192_ed03).to_be_bytes());
            Mark::new(Subject::Session(Id::from_bytes(id)), Timestamp::MAX, self.until)
        };
        let next = Cursor::new(to.to_be_bytes());
        Ok(Told::new((from..to).map(mark).collect(), next, to < self.marks))
    }

    async fn forget(&self, _: Sweep) -> Result<Swept, Error> {
        Ok(Swept::default())
    }

    fn card(&self) -> Capabilities {
        Capabilities::new("made-up", Residence::Elsewhere)
    }
}

/// The resident memory of this process, in bytes (proc(5)).
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}
