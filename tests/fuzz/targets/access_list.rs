#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_link::access_list::fuzz_access_list(octets));
