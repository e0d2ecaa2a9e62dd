#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_wanrouter_engine::fuzz::fuzz_ppp_link(
    std::time::Instant::now(),
    octets
));
