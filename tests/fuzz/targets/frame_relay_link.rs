#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_wanrouter_engine::fuzz::fuzz_frame_relay_link(
    std::time::Instant::now(),
    octets
));
