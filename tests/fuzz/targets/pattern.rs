#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_console::pattern::fuzz_pattern(octets));
