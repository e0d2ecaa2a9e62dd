#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_wanrouter::conf::fuzz_parse(octets));
