//! Each reason against a move, with its sentence and its article.

use super::refused;

const START: &str = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";

/// The move is refused by this rule and article with this sentence.
fn refuses(fen: &str, text: &str, rule: &str, article: &str, sentence: &str) {
    let reason = refused(fen, text);
    assert_eq!((reason.rule(), reason.article(), reason.to_string().as_str()), (rule, article, sentence), "{text}");
}

#[test]
fn a_missing_piece_is_named() {
    refuses(START, "e4e5", "emptySquare", "Appendix C", "no piece stands on e4");
    refuses(START, "e7e5", "notYourPiece", "1.2", "the pawn on e7 is black's, and white is to move");
    refuses(START, "Nf1-g3", "noSuchPiece", "Appendix C", "white has no knight on f1");
    refuses(START, "Rcc3", "noSuchPiece", "Appendix C", "white has no rook on the c-file");
    refuses("4k3/8/8/8/8/8/8/4K3 b - - 0 1", "Qd1", "noSuchPiece", "Appendix C", "black has no queen");
}

#[test]
fn occupied_squares_are_named() {
    refuses(START, "Ra2", "ownPieceOnSquare", "3.1", "a2 is occupied by white's own pawn");
    refuses(START, "Bc4", "pathBlocked", "3.5", "the bishop on f1 cannot reach c4: e2 is occupied");
    refuses(START, "a1a5", "pathBlocked", "3.5", "the rook on a1 cannot reach a5: a2 is occupied");
    let fen = "4k3/8/8/8/4p3/8/4P3/4K3 w - - 0 1";
    refuses(fen, "e4", "pathBlocked", "3.7.2", "the pawn on e2 cannot reach e4: e4 is occupied");
    let fen = "4k3/8/8/8/8/4p3/4P3/4K3 w - - 0 1";
    refuses(fen, "e3", "pathBlocked", "3.7.1", "the pawn on e2 cannot reach e3: e3 is occupied");
    refuses(fen, "e4", "pathBlocked", "3.7.2", "the pawn on e2 cannot reach e4: e3 is occupied");
    refuses(fen, "Ke1xe8", "kingCannotBeCaptured", "1.4.1", "the king on e8 cannot be captured");
}

#[test]
fn how_a_piece_moves_is_said() {
    let rule = "notHowThePieceMoves";
    let sentence = "the knight on b1 and g1 cannot move to e4: \
                    a knight moves to the nearest squares off its rank, file and diagonals";
    refuses(START, "Ne4", rule, "3.6", sentence);
    let sentence = "the queen on d1 cannot move to e3: a queen moves along its file, rank or diagonals";
    refuses(START, "d1e3", rule, "3.4", sentence);
    refuses(START, "Ra1-b3", rule, "3.3", "the rook on a1 cannot move to b3: a rook moves along its file or rank");
    refuses(START, "Bc1-c3", rule, "3.2", "the bishop on c1 cannot move to c3: a bishop moves along diagonals");
    refuses(START, "Ke3", rule, "3.8.1", "the king on e1 cannot move to e3: a king moves to an adjoining square");
}

#[test]
fn how_a_pawn_moves_is_said() {
    let rule = "notHowThePieceMoves";
    let fen = "4k3/8/8/8/8/4P3/8/4K3 w - - 0 1";
    let sentence = "the pawn on e3 cannot move to e5: a pawn moves two squares only on its first move";
    refuses(fen, "e5", rule, "3.7.2", sentence);
    let sentence = "the pawn on e3 cannot move to d4: \
                    a pawn moves diagonally only to capture, and nothing stands there to take";
    refuses(fen, "exd4", rule, "3.7.3", sentence);
    let sentence = "the pawn on e3 cannot move to e2: \
                    a pawn moves straight ahead, one square or two, and captures diagonally ahead";
    refuses(fen, "e3e2", rule, "3.7", sentence);
    let sentence = "the pawn on e5 cannot move to d6: \
                    a pawn moves diagonally only to capture, and nothing stands there to take";
    refuses("4k3/8/8/3pP3/8/8/8/4K3 w - - 0 2", "exd6", rule, "3.7.3", sentence);
}

#[test]
fn the_king_may_not_be_left_in_check() {
    let rule = "leavesKingInCheck";
    let pinned = "4r1k1/8/8/8/8/8/4N3/4K3 w - - 0 1";
    refuses(pinned, "Nc3", rule, "3.9.2", "the knight to c3 leaves the white king on e1 in check from e8");
    let checked = "4r1k1/8/8/8/8/8/P7/4K3 w - - 0 1";
    refuses(checked, "a3", rule, "3.9.2", "the pawn to a3 leaves the white king on e1 in check from e8");
    refuses(checked, "Ke2", rule, "3.9.2", "the king to e2 leaves the white king on e2 in check from e8");
    let mated = "6k1/8/8/8/8/5b2/4q3/4K3 w - - 0 1";
    refuses(mated, "Kf1", "checkmated", "5.1.1", "there is no legal move: white is checkmated");
}

#[test]
fn taking_in_passing_may_not_open_the_king() {
    let sentence = "the pawn to e3 leaves the black king on a4 in check from h4";
    refuses("8/8/8/8/k2pP2R/8/8/6K1 b - e3 0 1", "dxe3", "leavesKingInCheck", "3.9.2", sentence);
}

#[test]
fn promotions_must_say_what_they_become() {
    let fen = "3r3k/4P3/8/8/8/8/8/4K3 w - - 0 1";
    let sentence = "the pawn reaches e8 and must become something: add =Q, =R, =B or =N";
    refuses(fen, "e8", "promotionMissing", "3.7.3.3", sentence);
    refuses(fen, "e7e8", "promotionMissing", "3.7.3.3", sentence);
    let sentence = "a pawn cannot become a king: only a queen, rook, bishop or knight";
    refuses(fen, "e8=K", "promotionPiece", "3.7.3.3", sentence);
    let sentence = "the move to e4 is no promotion: only a pawn on the last rank becomes another piece";
    refuses(START, "e4=Q", "noPromotion", "3.7.3.3", sentence);
}

#[test]
fn a_capture_needs_something_to_capture() {
    refuses(START, "Nxf3", "nothingToCapture", "Appendix C", "nothing stands on f3 to capture");
}

#[test]
fn no_move_is_legal_when_the_game_is_over() {
    let stalemate = "7k/5Q2/6K1/8/8/8/8/8 b - - 0 1";
    refuses(stalemate, "Kg8", "stalemated", "5.2.1", "there is no legal move: black is stalemated");
    refuses(stalemate, "O-O", "stalemated", "5.2.1", "there is no legal move: black is stalemated");
}
