#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| strongroom::fuzzing::journal_frame(input));
