#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cloakroom::stores::redis::fuzzing::value(bytes));
