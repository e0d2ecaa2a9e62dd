#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_eql_engine::fuzz::fuzz_master(
    std::time::Instant::now(),
    octets
));
