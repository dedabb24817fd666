import fc from 'fast-check';
import {
  askToVerify,
  bookStock,
  changeEmail,
  changeOrder,
  changePassword,
  changePhone,
  closeAccount,
  createProduct,
  deleteProduct,
  forgetPassword,
  holdOrder,
  type Intent,
  logOut,
  moveOrder,
  placeOrder,
  redirectOrder,
  register,
  releaseOrder,
  repeatBooking,
  repeatOrder,
  replaceProduct,
  replaceProfile,
  resetPassword,
  restoreAccount,
  restoreProduct,
  signIn,
  signOut,
  verifyEmail,
} from './intents.ts';

/** Anything that anyone may try, weighted so that most of it has a chance and orders see the whole of their lives. */
export const anyIntent: fc.Arbitrary<Intent> = fc.oneof(
  { weight: 10, arbitrary: placeOrder },
  { weight: 4, arbitrary: repeatOrder },
  { weight: 16, arbitrary: changeOrder },
  { weight: 8, arbitrary: moveOrder },
  { weight: 3, arbitrary: holdOrder },
  { weight: 4, arbitrary: releaseOrder },
  { weight: 2, arbitrary: redirectOrder },
  { weight: 1, arbitrary: createProduct },
  { weight: 4, arbitrary: replaceProduct },
  { weight: 4, arbitrary: bookStock },
  { weight: 1, arbitrary: repeatBooking },
  { weight: 2, arbitrary: deleteProduct },
  { weight: 3, arbitrary: restoreProduct },
  { weight: 2, arbitrary: register },
  { weight: 1, arbitrary: signIn },
  { weight: 1, arbitrary: changePassword },
  { weight: 2, arbitrary: forgetPassword },
  { weight: 2, arbitrary: resetPassword },
  { weight: 2, arbitrary: askToVerify },
  { weight: 2, arbitrary: verifyEmail },
  { weight: 1, arbitrary: logOut },
  { weight: 1, arbitrary: signOut },
  { weight: 1, arbitrary: replaceProfile },
  { weight: 2, arbitrary: changeEmail },
  { weight: 1, arbitrary: changePhone },
  { weight: 2, arbitrary: closeAccount },
  { weight: 1, arbitrary: signOut },
  { weight: 2, arbitrary: restoreAccount },
);

/** Several who want the same at once, or what they want of the same things does not go together. */
const conflicts = [
  [changeOrder],
  [changeOrder, moveOrder, holdOrder, releaseOrder, redirectOrder],
  [moveOrder],
  [holdOrder, releaseOrder],
  [placeOrder],
  [placeOrder, changeOrder, replaceProduct],
  [placeOrder, repeatOrder],
  [placeOrder, replaceProduct],
  [bookStock],
  [bookStock, placeOrder, replaceProduct],
  [bookStock, repeatBooking],
  [replaceProduct, deleteProduct, restoreProduct],
  [closeAccount, placeOrder],
  [closeAccount, changeOrder, changePassword],
  [closeAccount, register, changeEmail, replaceProfile],
  [forgetPassword, resetPassword, changePassword],
  [askToVerify, verifyEmail, resetPassword],
  [forgetPassword, askToVerify],
  [resetPassword, verifyEmail, changeEmail, closeAccount],
  [signIn, logOut, signOut, resetPassword],
  [closeAccount, restoreAccount, register, changeOrder],
  [signOut, placeOrder, changePassword],
  [anyIntent],
].map((sorts) => fc.oneof(...sorts));

/** What is wanted at once. */
export const crowd: fc.Arbitrary<Intent[]> = fc
  .oneof(
    ...conflicts.map((conflict) =>
      fc.array(fc.record({ intent: conflict, times: fc.integer({ min: 1, max: 3 }) }), { minLength: 2, maxLength: 3 }),
    ),
  )
  .map((wanted) => wanted.flatMap(({ intent, times }) => Array.from({ length: times }, () => intent)));

/** Hours that let orders make some steps, become old enough to be deleted, or keys be forgotten. */
export const hours = fc.oneof(
  { weight: 4, arbitrary: fc.constant(1) },
  { weight: 3, arbitrary: fc.constantFrom(2, 3) },
  { weight: 2, arbitrary: fc.constant(24) },
);
