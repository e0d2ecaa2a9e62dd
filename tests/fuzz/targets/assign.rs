#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_grammar::assign::fuzz_assign(octets));
