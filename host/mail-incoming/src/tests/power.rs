//! Losses of power in a flood: what was not synced is gone, or torn.

use std::collections::BTreeSet;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::mpsc;

use super::world::{World, transaction};
use crate::queue::faulty::Faulty;

const ROUNDS: u64 = 12;
const CLIENTS: u64 = 8;
const EACH: u64 = 12;

fn subject(email: &[u8]) -> String {
    let text = String::from_utf8_lossy(email);
    let line = text.lines().find_map(|line| line.strip_prefix("Subject: "));
    line.unwrap().to_owned()
}

#[tokio::test]
async fn what_was_told_250_is_there_once_after_losses_of_power() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut choice = StdRng::seed_from_u64(seed);
    let mut disk = Arc::new(Faulty::default());
    let mut world = World::patient().await.on(Arc::clone(&disk)).await;
    let mut told = BTreeSet::new();
    for round in 0..ROUNDS {
        let (tell, mut taken) = mpsc::unbounded_channel();
        let clients = (0..CLIENTS).map(|client| {
            let (world, tell) = (&world, tell.clone());
            async move {
                for number in 0..EACH {
                    let name = format!("{round}/{client}/{number}");
                    let message = format!("From: s@far.example\r\nSubject: {name}\r\n\r\nx\r\n");
                    let to = ["ann@example.org"];
                    let said = transaction("s@far.example", &to, &message);
                    if world.says(said).await.contains("250 2.0.0 taken") {
                        tell.send(name).unwrap();
                    }
                }
            }
        });
        let mut flood = Box::pin(futures::future::join_all(clients));
        let before_power_is_lost = choice.random_range(1..CLIENTS * EACH);
        for _ in 0..before_power_is_lost {
            tokio::select! {
                biased;
                name = taken.recv() => told.extend(name),
                _ = &mut flood => break,
            }
        }
        // Whatever is said from here on, of this moment's disk the next one starts.
        disk = disk.after_power_loss(choice.random_range(0..400));
        drop(flood);
        world = world.on(Arc::clone(&disk)).await;
    }
    world.idle().await;
    let found: Vec<_> = world.emails(world.ann, told.len()).await;
    let found: Vec<_> = found.iter().map(|email| subject(email)).collect();
    let once: BTreeSet<_> = found.iter().cloned().collect();
    assert_eq!(found.len(), once.len(), "a message is there twice");
    let lost: Vec<_> = told.difference(&once).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(told.len() as u64 > ROUNDS);
}
