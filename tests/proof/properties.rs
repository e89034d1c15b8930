//! I1 to I4: properties of heads, framing and content.

use crate::checks::{self, Lines, lines, read_request, read_response, splits, written_request, written_response};
use crate::messages::{bytes_like_chunks, bytes_like_http, requests, responses};
use proptest::prelude::*;
use standin::http1::chunked::Decoder;
use standin::http1::{BodyError, Found, Framing, HeadError, framing};

/// What one read after the other makes of a sequence of response heads, the
/// last of which is no interim one.
fn response_sequence(pieces: &[&[u8]]) -> Result<Vec<(u16, Lines)>, HeadError> {
    let (mut heads, mut unread) = (Vec::new(), Vec::new());
    for piece in pieces {
        unread.extend_from_slice(piece);
        while let Some((len, head)) = read_response(&[&unread])? {
            unread.drain(..len);
            heads.push((head.status, lines(&head.fields)));
            if !head.is_interim() {
                return Ok(heads);
            }
        }
    }
    Ok(heads)
}

/// The trailers of a chunked body, once it has ended.
fn trailers(pieces: &[&[u8]]) -> Result<Option<Lines>, BodyError> {
    let mut decoder = Decoder::default();
    for piece in pieces {
        let mut rest = *piece;
        loop {
            match decoder.find(rest)? {
                Found::Data { skip, len } => {
                    decoder.advance(len as u64);
                    rest = &rest[skip + len..];
                }
                Found::More { .. } => break,
                Found::End { .. } => return decoder.trailers().map(|fields| Some(lines(&fields))),
            }
        }
    }
    Ok(None)
}

proptest! {
    #[test]
    fn heads_read_the_same_however_they_are_split_and_after_being_written(input in bytes_like_http()) {
        checks::heads(&input);
    }

    #[test]
    fn a_well_formed_request_is_accepted_and_written_as_it_came(message in requests()) {
        let wire = message.wire();
        let (len, head) = read_request(&[&wire]).unwrap().unwrap();
        prop_assert_eq!(wire.len() - len, wire.len() - (wire.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4));
        let written = written_request(&head);
        // Our own framing line stands where the client's stood, at the end.
        prop_assert_eq!(written.as_deref().map(<[u8]>::escape_ascii).map(|text| text.to_string()),
            Some(wire[..len].escape_ascii().to_string()));
    }

    #[test]
    fn a_well_formed_response_is_written_as_it_came(message in responses()) {
        let wire = message.wire();
        let (_, head) = read_response(&[&wire]).unwrap().unwrap();
        written_response(&head);
        let expected = match (&message.chunks, message.content.len()) {
            (Some(_), _) => Framing::Chunked,
            (None, 0) => Framing::UntilClose,
            (None, length) => Framing::Length(length as u64),
        };
        prop_assert_eq!(framing::response(b"GET", &head), Ok(expected));
    }

    #[test]
    fn whatever_the_fields_say_one_framing_is_written(input in proptest::collection::vec(any::<u8>(), 0..200)) {
        checks::framing(&input);
    }

    #[test]
    fn content_is_a_prefix_and_whole_only_when_its_framing_says_so(input in bytes_like_chunks()) {
        checks::content(&input);
    }

    #[test]
    fn content_of_any_bytes_is_a_prefix_and_whole_only_when_its_framing_says_so(input in proptest::collection::vec(any::<u8>(), 0..300)) {
        checks::content(&input);
    }

    #[test]
    fn trailers_do_not_depend_on_the_split(input in bytes_like_chunks()) {
        let [whole, bytes, pieces] = splits(&input).map(|pieces| trailers(&pieces));
        prop_assert_eq!(&whole, &bytes);
        prop_assert_eq!(&whole, &pieces);
    }

    #[test]
    fn interim_responses_do_not_depend_on_the_split(statuses in proptest::collection::vec(100_u16..104, 0..5), input in bytes_like_http()) {
        let mut wire: Vec<u8> = statuses
            .iter()
            .flat_map(|status| format!("HTTP/1.1 {status} So Far\r\nLink: {status}\r\n\r\n").into_bytes())
            .collect();
        wire.extend_from_slice(b"HTTP/1.1 200 OK\r\n\r\n");
        wire.extend(input);
        let expected: Vec<u16> = statuses.iter().copied().chain([200]).collect();
        for pieces in splits(&wire) {
            let seen = response_sequence(&pieces).unwrap();
            prop_assert_eq!(seen.iter().map(|(status, _)| *status).collect::<Vec<_>>(), expected.clone());
        }
    }

    #[test]
    fn sequences_of_odd_responses_do_not_depend_on_the_split(input in bytes_like_http()) {
        let [whole, bytes, pieces] = splits(&input).map(|pieces| response_sequence(&pieces));
        prop_assert_eq!(&whole, &bytes);
        prop_assert_eq!(&whole, &pieces);
    }
}
