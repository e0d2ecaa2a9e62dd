#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_eql::fuzz_dial(octets));
