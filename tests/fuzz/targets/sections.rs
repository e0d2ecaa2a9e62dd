#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_grammar::sections::fuzz_sections(octets));
