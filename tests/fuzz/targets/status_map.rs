#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_wire::status_map::fuzz_status_map(octets));
