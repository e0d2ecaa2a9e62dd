#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_wire::vj::fuzz_vj_header(octets));
