#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_wanrouter_engine::fuzz::fuzz_x25_device(
    std::time::Instant::now(),
    octets
));
