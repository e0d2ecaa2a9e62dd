#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_wire::x25::fuzz_x25(octets));
