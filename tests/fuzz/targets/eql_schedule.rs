#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_eql_engine::keeper::fuzz_schedule(octets));
