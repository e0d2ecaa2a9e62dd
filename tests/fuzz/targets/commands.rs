#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_grammar::commands::fuzz_commands(octets));
