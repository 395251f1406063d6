import { AppError } from '#kernel'

export const projectNeedsDirectory = (): AppError =>
  new AppError('SETTINGS_NEED_DIRECTORY', 'invalid', 'scope project needs the directory of the project', {
    hint: 'pass cd, or use scope global',
  })
