#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_runtime::resolver::fuzz_reply(octets));
