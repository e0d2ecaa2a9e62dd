#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_wire::x25api::fuzz_x25api(octets));
