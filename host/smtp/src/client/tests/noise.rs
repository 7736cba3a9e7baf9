//! Servers that say anything.

use super::*;
use crate::client::fake::Act;

/// The same numbers for the same seed (xorshift).
fn random(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % (below as u64)).unwrap()
    }
}

/// What is nearly an answer.
fn noise(random: &mut impl FnMut(usize) -> usize) -> String {
    const WORDS: [&str; 20] = [
        "220",
        "250",
        "250-",
        "250 ",
        "354",
        "354 go on",
        "421",
        "451",
        "550 5.1.1 no",
        "5.1.1",
        "999",
        "250-PIPELINING",
        "250-SIZE 99999999999999999999",
        "\r\n",
        "\r",
        "\n",
        " ",
        "-",
        "é",
        "\u{0}",
    ];
    let length = random(6) + 1;
    let words = (0..length).map(|_| WORDS[random(WORDS.len())]);
    words.collect()
}

#[tokio::test]
async fn whatever_a_server_says_the_client_comes_to_an_end() {
    for seed in 1..150 {
        println!("seed {seed}");
        let state = std::sync::Mutex::new(random(seed));
        let fake = Fake::start(move |_| {
            let mut random = state.lock().unwrap();
            match random(4) {
                0 => Some(Act::Say(noise(&mut *random))),
                1 if random(10) == 0 => Some(Act::Close),
                _ => None,
            }
        });
        let fake = fake.await.unwrap();
        // An answer that is missing in the end is not waited for.
        let timeouts = all(Duration::from_millis(20));
        let Ok(mut client) = connect_within(&fake, timeouts).await else {
            continue;
        };
        for _ in 0..3 {
            let recipients = ["a@b.example", "b@b.example"];
            let Ok(replies) = send(&mut client, &recipients, "hello").await else {
                assert!(!client.is_usable());
                break;
            };
            assert_eq!(replies.len(), recipients.len());
        }
    }
}
