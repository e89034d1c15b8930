#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| standin_fuzz::heads(input));
